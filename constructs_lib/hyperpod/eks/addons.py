"""Add-ons of EKS, pinned: what each is told, which rights its pods have, and what it stands on.

Sources, read 2026-11-22: "Installing the training operator", SageMaker AI Developer Guide; "AWS add-ons", EKS User
Guide; the managed policy AmazonSageMakerHyperPodTrainingOperatorAccess, whose one right is given here for one cluster.
"""

from __future__ import annotations

from typing import Any, Self

from aws_cdk import aws_iam as iam
from pydantic import Field, model_validator

from constructs_lib.hyperpod.eks import versions
from constructs_lib.hyperpod.eks.addon import AddOn, AddOnBinding, Identity
from constructs_lib.hyperpod.eks.drivers import FsxDriver, S3Driver
from constructs_lib.hyperpod.eks.inference_operator import LEAST_PODS, InferenceOperator
from constructs_lib.hyperpod.eks.observability import Observability
from constructs_lib.network.sizing import PODS
from ml_contract.errors import reject

__all__ = [
    "AddOn", "CertManager", "CoreDns", "FsxDriver", "InferenceOperator", "KubeProxy", "MetricsServer", "Observability",
    "PodIdentityAgent", "S3Driver", "TaskGovernance", "TrainingOperator", "VpcCni", "check",
]  # fmt: skip

PREFIX = 16
"""Addresses of a block that prefix delegation takes at once: "Assign more IP addresses to Amazon EKS nodes with
prefixes", EKS User Guide."""
MOST_PODS = 250
"""Of a large node, which EKS advises not to exceed."""
EVERYWHERE = [{"operator": "Exists"}]
"""Tolerations of what every node needs, also one that HyperPod has just marked as faulty."""


class VpcCni(AddOn):
    """Addresses of pods: the one network plug-in that HyperPod takes."""

    name = "vpc-cni"
    before_nodes = True

    pods_per_node: int = Field(ge=1, le=MOST_PODS)
    """Most pods of a node that have an address each. Without prefixes a node of HyperPod has 49; subnets are sized from
    this number."""
    prefixes: bool = False
    """Whether addresses are taken in blocks of 16, of which one interface holds more."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        least = versions.LEAST_CNI
        if self.version is not None and versions.parts(self.version, field="version") < least:
            reject("version", self.version, f"HyperPod needs {'.'.join(map(str, least))} or later", "Take a newer one.")
        if self.pods_per_node > PODS and not self.prefixes:
            reject("pods_per_node", self.pods_per_node, f"a node's first interface has addresses for {PODS} pods",
                   f"Give at most {PODS}, or prefixes=True.")  # fmt: skip
        return self

    @property
    def addresses_per_node(self) -> int:
        """Addresses of a subnet that the pods of one node take."""
        if not self.prefixes:
            return self.pods_per_node
        # One block is kept ready.
        return PREFIX * (-(-self.pods_per_node // PREFIX) + 1)

    def configuration(self) -> dict[str, Any]:
        prefixes = {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"} if self.prefixes else {}
        # Traffic between nodes by EFA is not routed by it; that of pods leaves by the node's own routes.
        return {"env": {"AWS_VPC_K8S_CNI_EXTERNALSNAT": "true", **prefixes}}


class KubeProxy(AddOn):
    """Services inside the cluster."""

    name = "kube-proxy"
    before_nodes = True


class PodIdentityAgent(AddOn):
    """Credentials of pods."""

    name = "eks-pod-identity-agent"
    before_nodes = True


class CoreDns(AddOn):
    """Names inside the cluster."""

    name = "coredns"

    def configuration(self) -> dict[str, Any]:
        return {"tolerations": EVERYWHERE}


class CertManager(AddOn):
    """Certificates of the operators' webhooks."""

    name = "cert-manager"


class MetricsServer(AddOn):
    """Processor and memory of pods, for ``kubectl top`` and autoscaling of what serves."""

    name = "metrics-server"


class TrainingOperator(AddOn):
    """HyperPod's operator of HyperPodPyTorchJobs."""

    name = "amazon-sagemaker-hyperpod-training-operator"
    needs = ("cert-manager", "eks-pod-identity-agent")

    def identities(self, binding: AddOnBinding, /) -> tuple[Identity, ...]:
        look = iam.PolicyStatement(actions=["sagemaker:DescribeClusterNode"], resources=[binding.cluster_arn])
        return (
            Identity(
                namespace="aws-hyperpod",
                service_account="hp-training-operator-controller-manager",
                statements=(look,),
            ),
        )


class TaskGovernance(AddOn):
    """Kueue with HyperPod's queues: what governance's scheduler configuration and quotas act through."""

    name = "amazon-sagemaker-hyperpod-taskgovernance"


ESSENTIAL = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns")
"""Without which no node becomes ready, or no pod of HyperPod's finds anything."""


def check(addons: tuple[AddOn, ...]) -> None:
    """Refuse a set of add-ons that cannot stand together.

    Raises:
        ContractError: One is given twice, misses what it stands on, or is too old for another.
    """
    names = [addon.name for addon in addons]
    for name in names:
        if names.count(name) > 1:
            reject("addons", name, "an add-on is given once", "Leave one out.")
    for name in ESSENTIAL:
        if name not in names:
            reject("addons", names, f"no node works without {name}", "Add it.")
    for addon in addons:
        for needed in addon.needs:
            if needed not in names:
                reject(f"addons.{addon.name}", names, f"it stands on {needed}", "Add that too.")
    by_name = {addon.name: addon for addon in addons}
    for addon in addons:
        for needed, least in addon.least.items():
            _check_age(by_name.get(needed), least, f"{addon.name} needs {least} or later")
    cni = by_name.get(VpcCni.name)
    if InferenceOperator.name in names and isinstance(cni, VpcCni) and cni.pods_per_node < LEAST_PODS:
        reject("addons.vpc-cni.pods_per_node", cni.pods_per_node,
               f"the inference operator alone brings {LEAST_PODS} pods", "Give more.")  # fmt: skip
    if TrainingOperator.name in names:
        least = versions.LEAST_GOVERNANCE_WITH_OPERATOR
        _check_age(by_name.get(TaskGovernance.name), least, f"the training operator's queues need {least} or later")


def _check_age(addon: AddOn | None, least: str, rule: str) -> None:
    """Refuse a build that was asked for and is too old; those of the table are not."""
    if addon is None or addon.version is None:
        return
    field = f"addons.{addon.name}.version"
    if versions.parts(addon.version, field=field) < versions.parts(least, field=field):
        reject(field, addon.version, rule, "Take a newer one.")

"""Groups that grow and shrink with the pods of an EKS cluster.

Sources, read 2026-11-22: "Autoscaling on SageMaker HyperPod EKS", "Create a NodeClass", "Create an IAM role for
HyperPod autoscaling with Karpenter" and "Spot instances in Amazon SageMaker HyperPod", SageMaker AI Developer Guide;
ClusterAutoScalingConfig, API reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.hyperpod.capacity import TrainingPlan
from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.values import Value
from ml_contract.errors import reject

MOST_GROUPS = 10
"""Of one NodeClass."""


class NodeClass(Value):
    """Groups that Karpenter chooses among for the same pods."""

    name: str = Field(pattern=r"^[a-z0-9](-*[a-z0-9])*$", max_length=63)
    """Name of the HyperpodNodeClass in Kubernetes."""
    groups: tuple[str, ...] = Field(min_length=1, max_length=MOST_GROUPS)
    """Names of groups; each begins without an instance, and lives in one zone."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.groups)) < len(self.groups):
            reject("groups", self.groups, "a group is named once", "Remove the repetition.")
        return self


class Karpenter(Value):
    """Autoscaling by the Karpenter that HyperPod runs."""

    node_classes: tuple[NodeClass, ...] = Field(min_length=1)
    """Which groups it scales, and for whom they stand in for each other."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [one.name for one in self.node_classes]
        if len(set(names)) < len(names):
            reject("node_classes", names, "node classes have different names", "Rename one.")
        return self

    def render(self) -> dict[str, str]:
        """AutoScaling, by the names of CDK; the node classes are manifests (``eks.scaling``)."""
        return {"mode": "Enable", "autoScalerType": "Karpenter"}

    def check(self, groups: Sequence[InstanceGroup], *, provisioning: str, recovery: str) -> None:
        """Hold it against the cluster that it scales.

        Raises:
            ContractError: With the field and the way out.
        """
        for field, value, wanted in (
            ("provisioning", provisioning, "Continuous"), ("recovery", recovery, "Automatic"),
        ):  # fmt: skip
            if value != wanted:
                reject(field, value, f"Karpenter scales clusters with {wanted} alone",
                       f'Give {field}="{wanted}", or leave autoscaling out.')  # fmt: skip
        known = {group.name: group for group in groups}
        for name in self.scaled:
            if name not in known:
                reject("autoscaling.node_classes", name, f"the groups are {', '.join(known)}", "Correct it.")
            _check_scaled(known[name])

    @property
    def scaled(self) -> tuple[str, ...]:
        """Names of the groups that it scales."""
        return tuple(dict.fromkeys(group for one in self.node_classes for group in one.groups))


def _check_scaled(group: InstanceGroup) -> None:
    for wrong, field, got, rule, way_out in (
        (group.duty.orchestrator != "Eks", "duty", type(group.duty).__name__, "Karpenter scales nodes of EKS alone",
         "Leave autoscaling out."),
        (group.count != 0, "count", group.count, "a scaled group begins at 0: Karpenter would end what is there",
         "Give count=0."),
        (isinstance(group.capacity, TrainingPlan), "capacity", type(group.capacity).__name__,
         "Karpenter takes instances on demand or spot", "Take OnDemand or Spot, or scale another group."),
        (bool(group.deep_checks), "deep_checks", group.deep_checks,
         "pods that wait for an instance would wait for hours", "Leave them out."),
    ):  # fmt: skip
        if wrong:
            reject(f"groups.{group.name}.{field}", got, rule, way_out)


def scaling_role(scope: Construct, construct_id: str, keys: Sequence[kms.IKey]) -> iam.Role:
    """The role as which HyperPod adds and deletes nodes.

    Args:
        scope: Parent.
        construct_id: Construct id.
        keys: Keys of the volumes of nodes that it adds.
    """
    stack = cdk.Stack.of(scope)
    role = iam.Role(
        scope,
        construct_id,
        assumed_by=iam.ServicePrincipal("hyperpod.sagemaker.amazonaws.com"),
        description="Autoscaling of one HyperPod cluster",
    )
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["sagemaker:BatchAddClusterNodes", "sagemaker:BatchDeleteClusterNodes"],
            # The cluster's id is known only when it is there, and it asks for the role before.
            resources=[f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:cluster/*"],
        )
    )
    if keys:
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["kms:CreateGrant", "kms:DescribeKey"],
                resources=[key.key_arn for key in keys],
                conditions={"StringEquals": {"kms:ViaService": f"sagemaker.{stack.region}.{stack.url_suffix}"}},
            )
        )
    return role

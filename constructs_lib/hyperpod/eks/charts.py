"""HyperPod's Helm chart, pinned: its values from the cluster's own objects, and the commands that bring it in.

AWS publishes the chart as a folder of a Git repository, with a version that never changes, and says that a cluster
may not come up without it. So the commit is the pin, and the packed chart and its foreign images lie in the account's
registry: a closed network pulls nothing else. Why the commands are a person's or a pipeline's and no resource's:
docs/decisions, "Charts between two stacks".

Sources, read 2026-11-22: aws/sagemaker-hyperpod-cli at 011ca92, helm_chart/HyperPodHelmChart (Chart.yaml, values.yaml,
readme.md: regions of the health monitoring agent, tolerations); "Installing packages on the Amazon EKS cluster using
Helm", SageMaker AI Developer Guide; "View Amazon container image registries for Amazon EKS add-ons", EKS User Guide.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from constructs_lib.hyperpod.groups import InstanceGroup
from ml_contract.errors import reject

REPOSITORY = "https://github.com/aws/sagemaker-hyperpod-cli.git"
COMMIT = "011ca927123e02b35a399935bbb3ab1905fe33c7"
FOLDER = "helm_chart/HyperPodHelmChart"
CHART, RELEASE, NAMESPACE = "hyperpod-helm-chart", "hyperpod-dependencies", "kube-system"
VERSION = "0.1.0-011ca92"
"""The chart's own version never changes: the commit tells two apart."""
SWITCHES = (
    "aws-efa-k8s-device-plugin.devicePlugin.enabled", "cert-manager.enabled", "cluster-role-and-bindings.enabled",
    "deep-health-check.enabled", "gpu-operator.enabled", "health-monitoring-agent.enabled",
    "hyperpod-patching.enabled", "inferenceOperators.enabled", "job-auto-restart.enabled", "mlflow.enabled",
    "mpi-operator.enabled", "namespaced-role-and-bindings.enabled", "neuron-device-plugin.devicePlugin.enabled",
    "nvidia-device-plugin.devicePlugin.enabled", "storage.enabled", "team-role-and-bindings.enabled",
    "trainingOperators.enabled",
)  # fmt: skip
"""Conditions of the 17 charts inside it, of which nine are on unless a value says otherwise."""
REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2",
    "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "sa-east-1",
)  # fmt: skip
"""Where the health monitoring agent's image is."""
EKS_REGISTRY = "602401143452"
"""Account of EKS's own images in all of these regions."""


@dataclass(frozen=True, kw_only=True)
class ForeignImage:
    """An image that the chart takes from a registry outside AWS."""

    source: str
    tag: str
    repository: str
    """Name of its copy below the cluster's namespace in the account's registry."""


NVIDIA = ForeignImage(source="nvcr.io/nvidia/k8s-device-plugin", tag="v0.16.1", repository="k8s-device-plugin")
_FAULTY = {
    "key": "sagemaker.amazonaws.com/node-health-status", "operator": "Equal", "value": "Unschedulable",
    "effect": "NoSchedule",
}  # fmt: skip
"""A node under repair needs its plug-ins too: health checks look at its devices."""


@dataclass(frozen=True, kw_only=True)
class Charts:
    """The chart for one cluster."""

    region: str
    """Of the cluster, known at synth: the chart is not for all."""
    registry: str
    """The account's registry, ``<account>.dkr.ecr.<region>.amazonaws.com``; may be a reference."""
    namespace: str
    """What the names of the chart's and its images' repositories start with: an account may hold several clusters."""
    groups: Sequence[InstanceGroup]
    """Groups of the cluster, from whose types the plug-ins follow."""

    def __post_init__(self) -> None:
        if self.region not in REGIONS:
            reject("region", self.region, "the chart has no health monitoring agent there",
                   f"Take one of {', '.join(REGIONS)}.")  # fmt: skip

    @property
    def home(self) -> str:
        """Where the chart and its images lie."""
        return f"{self.registry}/{self.namespace}"

    @property
    def images(self) -> tuple[ForeignImage, ...]:
        """Images that have to be copied."""
        return (NVIDIA,) if self._with("cuda") else ()

    def values(self) -> dict[str, Any]:
        """What the chart is told: everything that has a switch, on or off."""
        efa = self._with_efa()
        return {
            "global": {"region": self.region},
            "health-monitoring-agent": {"enabled": True, "region": self.region, "debug": False},
            "deep-health-check": {"enabled": True},
            "job-auto-restart": {"enabled": True},
            "hyperpod-patching": {"enabled": True},
            "nvidia-device-plugin": self._nvidia(),
            # Its image has no value: it comes from ECR Public, which a closed network does not reach.
            "neuron-device-plugin": {"devicePlugin": {"enabled": bool(self._with("neuron"))}},
            "aws-efa-k8s-device-plugin": {
                "devicePlugin": {"enabled": bool(efa)},
                **({"supportedInstanceLabels": {"values": efa}} if efa else {}),
                "image": {
                    "repository": f"{EKS_REGISTRY}.dkr.ecr.{self.region}.amazonaws.com/eks/aws-efa-k8s-device-plugin"
                },
                "tolerations": [{"operator": "Exists"}, _FAULTY],
            },
            # Add-ons of EKS stand for them, or nothing here uses them.
            "cert-manager": {"enabled": False},
            "trainingOperators": {"enabled": False},
            "inferenceOperators": {"enabled": False},
            "mpi-operator": {"enabled": False},
            "gpu-operator": {"enabled": False},
            "mlflow": {"enabled": False},
            "storage": {"enabled": False},
            "cluster-role-and-bindings": {"enabled": False},
            "namespaced-role-and-bindings": {"enabled": False},
            "team-role-and-bindings": {"enabled": False},
        }

    def text(self) -> str:
        """The values file: JSON, which Helm reads as YAML."""
        return json.dumps(self.values(), indent=2) + "\n"

    def mirror_commands(self) -> list[str]:
        """What is done once a commit, where the internet and the account's registry can both be reached."""
        copies = [
            f"crane copy {image.source}:{image.tag} {self.home}/{image.repository}:{image.tag}" for image in self.images
        ]
        return [
            f"git clone --filter=blob:none {REPOSITORY} hyperpod-cli",
            f"git -C hyperpod-cli checkout {COMMIT}",
            f"helm dependency update hyperpod-cli/{FOLDER}",
            f"helm package hyperpod-cli/{FOLDER} --version {VERSION}",
            self.log_in("helm registry login"),
            f"helm push {CHART}-{VERSION}.tgz oci://{self.home}",
            self.log_in("crane auth login"),
            *copies,
        ]

    @property
    def installed(self) -> str:
        """What stands for this chart with these values: another commit or another type of instance is another."""
        return f"{VERSION}-{hashlib.sha256(self.text().encode()).hexdigest()[:12]}"

    def install_commands(self, *, cluster: str, values: str, note: str) -> list[str]:
        """What is done after the control plane and before the HyperPod cluster, by an administrator inside the network.

        Args:
            cluster: Name of the EKS cluster.
            values: The values file, ``s3://bucket/key``.
            note: What runs when Helm has succeeded, and not before.
        """
        copies = "".join(f" --set nvidia-device-plugin.image.repository={self.home}/{image.repository}"
                         for image in self.images)  # fmt: skip
        # Not --wait: daemons of the chart run on nodes, and there are none yet.
        install = (f"helm upgrade --install {RELEASE} oci://{self.home}/{CHART} --version {VERSION} "
                   f"--namespace {NAMESPACE} --values values.json{copies}")  # fmt: skip
        return [
            f"aws eks update-kubeconfig --region {self.region} --name {shlex.quote(cluster)}",
            f"aws s3 cp {values} values.json",
            self.log_in("helm registry login"),
            f"{install} && {note}",
        ]

    def log_in(self, program: str) -> str:
        """The command by which a program may read and write the registry."""
        password = f"aws ecr get-login-password --region {self.region}"
        return f"{password} | {program} --username AWS --password-stdin {self.registry}"

    def _with(self, runs_on: str) -> list[str]:
        entries = (entry for group in self.groups for entry in group.hosts.entries)
        return sorted({entry.name for entry in entries if entry.device is not None and entry.device.runs_on == runs_on})

    def _with_efa(self) -> list[str]:
        return sorted({entry.name for group in self.groups for entry in group.hosts.entries if entry.has_efa})

    def _nvidia(self) -> dict[str, Any]:
        types = self._with("cuda")
        if not types:
            return {"devicePlugin": {"enabled": False}}
        term = {"matchExpressions": [{"key": "node.kubernetes.io/instance-type", "operator": "In", "values": types}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        return {
            "devicePlugin": {"enabled": True},
            "image": {"tag": NVIDIA.tag},
            "affinity": {"nodeAffinity": required},
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}, _FAULTY],
        }

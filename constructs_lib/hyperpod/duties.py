"""What a group's instances are to the scheduler.

Sources, read 2026-11-22: ClusterSlurmConfig, ClusterKubernetesConfig and ClusterKubernetesTaint, SageMaker API
reference.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject

NAME = r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"
"""Of clusters, groups and partitions."""
LONGEST_NAME = 63
"""Of clusters and groups."""
_KEY = r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
MOST_LABELS = 50
LONGEST_PART = 63
"""Of a label's value, and of its key behind the slash: "Labels and Selectors", Kubernetes documentation."""


class Duty(Value):
    """What the instances of a group do."""

    orchestrator: ClassVar[Literal["Slurm", "Eks"]]
    """Whose nodes they are."""

    @abstractmethod
    def render(self) -> dict[str, Any]:
        """Properties of an instance group, by the names of CDK."""


class SlurmDuty(Duty):
    """Nodes of Slurm."""

    orchestrator: ClassVar[Literal["Slurm", "Eks"]] = "Slurm"
    node_type: ClassVar[Literal["Controller", "Login", "Compute"]]

    def render(self) -> dict[str, Any]:
        return {"slurm_config": {"nodeType": self.node_type}}


class Controller(SlurmDuty):
    """The node of slurmctld, and of slurmdbd: one of a cluster."""

    node_type: ClassVar[Literal["Controller", "Login", "Compute"]] = "Controller"


class Login(SlurmDuty):
    """Nodes where people submit from, which run no job."""

    node_type: ClassVar[Literal["Controller", "Login", "Compute"]] = "Login"


class Compute(SlurmDuty):
    """Nodes that run jobs."""

    node_type: ClassVar[Literal["Controller", "Login", "Compute"]] = "Compute"

    partition: str = Field(pattern=NAME, max_length=1024)
    """The partition that jobs name; several groups may be one, a group is in one at most."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.partition.upper() == "DEFAULT":
            # slurm.conf(5), in any case: such a line makes no partition.
            reject("partition", self.partition, "in slurm.conf the name stands for what all partitions have in common",
                   'Take another: partition="train".')  # fmt: skip
        return self

    def render(self) -> dict[str, Any]:
        return {"slurm_config": {"nodeType": self.node_type, "partitionNames": [self.partition]}}


class Taint(Value):
    """What keeps pods away that do not tolerate it."""

    key: str = Field(pattern=rf"^{_KEY}$", max_length=317)
    """Name, with a prefix before a slash where it is not the cluster's own."""
    value: str | None = Field(default=None, pattern=rf"^{_VALUE}$", min_length=1, max_length=63)
    """Value; none by default."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
    """What happens to such pods."""

    def render(self) -> dict[str, str]:
        given = {"value": self.value} if self.value is not None else {}
        return {"key": self.key, **given, "effect": self.effect}


class KubernetesNode(Duty):
    """Nodes of an EKS cluster."""

    orchestrator: ClassVar[Literal["Slurm", "Eks"]] = "Eks"

    labels: dict[str, str] = Field(default_factory=dict, max_length=MOST_LABELS)
    """Labels of each node, by name; HyperPod keeps the nodes to them. None by default."""
    taints: tuple[Taint, ...] = Field(default=(), max_length=50)
    """Taints of each node; none by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key, value in self.labels.items():
            prefix, _, name = key.rpartition("/")
            if not re.fullmatch(_KEY, key) or len(name) > LONGEST_PART or len(prefix) > 253:
                reject("labels", key, "a label's name is no Kubernetes name", "Write it like example.com/team.")
            if not re.fullmatch(_VALUE, value) or len(value) > LONGEST_PART:
                reject(f"labels.{key}", value, "a label's value has at most 63 of letters, digits, - _ and .",
                       "Give another one.")  # fmt: skip
        seen = [(taint.key, taint.effect) for taint in self.taints]
        if len(set(seen)) < len(seen):
            reject("taints", seen, "key and effect are a taint's identity", "Remove the repetition.")
        return self

    def render(self) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if self.labels:
            given["labels"] = dict(self.labels)
        if self.taints:
            given["taints"] = [taint.render() for taint in self.taints]
        return {"kubernetes_config": given} if given else {}

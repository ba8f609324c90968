"""What HyperPod tells of a cluster, handed on to people and counted.

Source: "SageMaker HyperPod cluster events reference" (EventBridge integration: three detail types) and "Events that
Amazon SageMaker AI sends to Amazon EventBridge", SageMaker AI Developer Guide, read 2026-11-22. Cluster events, but not
changes of state and of health, need continuous provisioning.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal, get_args

from pydantic import Field

from constructs_lib.values import Value

ClusterStatus = Literal["Creating", "Deleting", "Failed", "InService", "RollingBack", "SystemUpdating", "Updating"]
"""Source: ClusterStatus, SageMaker API reference, read 2026-11-22."""
HealthStatus = Literal["Healthy", "Unhealthy"]
"""Those that the guide shows."""
Level = Literal["Info", "Warn", "Error"]
SOURCE = "aws.sagemaker"


class Watched(Value):
    """One kind of event."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Construct id of its rule."""

    @property
    @abstractmethod
    def detail_type(self) -> str:
        """Kind of event in EventBridge."""

    @abstractmethod
    def detail(self) -> dict[str, Any]:
        """What an event must say to be handed on, beside its cluster."""

    @property
    @abstractmethod
    def sentence(self) -> tuple[dict[str, str], str]:
        """Fields by name, and the sentence that people read, with ``<name>`` for each."""

    def pattern(self, cluster_arn: str) -> dict[str, Any]:
        """Pattern of EventBridge for one cluster."""
        given = self.detail()
        return {
            "source": [SOURCE],
            "detail-type": [self.detail_type],
            "resources": [cluster_arn],
            **({"detail": given} if given else {}),
        }


class StateChanges(Watched):
    """The cluster became something else."""

    statuses: tuple[ClusterStatus, ...] = Field(default=("Failed", "RollingBack"), min_length=1)
    """What it became; failures by default."""

    @property
    def name(self) -> str:
        return "StateChanges"

    @property
    def detail_type(self) -> str:
        return "SageMaker HyperPod Cluster State Change"

    def detail(self) -> dict[str, Any]:
        return {"ClusterStatus": list(self.statuses)}

    @property
    def sentence(self) -> tuple[dict[str, str], str]:
        fields = {
            "cluster": "$.detail.ClusterName",
            "status": "$.detail.ClusterStatus",
            "why": "$.detail.FailureMessage",
        }
        return fields, "Cluster <cluster> is <status>. <why>"


class NodeHealth(Watched):
    """The health agent found a node in another state than before."""

    statuses: tuple[HealthStatus, ...] | None = ("Unhealthy",)
    """States that are handed on; None for all, also those that no guide names."""

    @property
    def name(self) -> str:
        return "NodeHealth"

    @property
    def detail_type(self) -> str:
        return "SageMaker HyperPod Cluster Node Health Event"

    def detail(self) -> dict[str, Any]:
        return {"HealthSummary": {"HealthStatus": list(self.statuses)}} if self.statuses else {}

    @property
    def sentence(self) -> tuple[dict[str, str], str]:
        fields = {
            "cluster": "$.detail.ClusterName",
            "node": "$.detail.InstanceId",
            "status": "$.detail.HealthSummary.HealthStatus",
            "why": "$.detail.HealthSummary.HealthStatusReason",
            "action": "$.detail.HealthSummary.RepairAction",
        }
        return fields, "Node <node> of <cluster> is <status>: <why> Repair: <action>."


class Operations(Watched):
    """What happened while instances were made, scaled, patched, configured."""

    levels: tuple[Level, ...] = Field(default=("Error",), min_length=1, max_length=len(get_args(Level)))
    """How serious; errors by default."""

    @property
    def name(self) -> str:
        return "Operations"

    @property
    def detail_type(self) -> str:
        return "SageMaker HyperPod Cluster Event"

    def detail(self) -> dict[str, Any]:
        return {"EventDetails": {"EventLevel": list(self.levels)}}

    @property
    def sentence(self) -> tuple[dict[str, str], str]:
        fields = {"cluster": "$.detail.EventDetails.ClusterName", "what": "$.detail.EventDetails.Description",
                  "level": "$.detail.EventDetails.EventLevel"}  # fmt: skip
        return fields, "<level> in <cluster>: <what>"


class Storm(Value):
    """More events than a cluster has on a usual day: one alarm instead of a hundred messages."""

    events: int = Field(ge=2, le=10_000)
    """Events of one kind from which on it is one."""
    minutes: int = Field(ge=5, le=1440)
    """In so many minutes."""

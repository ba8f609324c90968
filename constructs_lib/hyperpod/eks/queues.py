"""How a job asks for its share: the names that task governance gives to its queues and priorities.

Task governance makes the queues, namespaces and priority classes themselves, from the scheduler configuration and the
compute quotas of the SageMaker API: a manifest of one's own would be taken back. So nothing is made here; where nobody
has a quota, ``kueue`` makes one queue of the whole cluster.

Sources, read 2026-11-22: "Installing the training operator" (labels, and the least version of the add-on) and "Set up
for SageMaker HyperPod task governance", SageMaker AI Developer Guide; "Topology aware scheduling", Kueue.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

from pydantic import Field

from constructs_lib.values import Value

SHARED = "shared"
"""Name of the queue in each namespace of a cluster without quotas."""
QUEUE, PRIORITY = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class"
Topology = Literal[
    "topology.k8s.aws/network-node-layer-1",
    "topology.k8s.aws/network-node-layer-2",
    "topology.k8s.aws/network-node-layer-3",
    "topology.k8s.aws/ultraserver-id",
]
"""Labels of HyperPod's nodes that say how near they are: aws/sagemaker-hyperpod-cli at 011ca92."""


def namespace(team: str) -> str:
    """The namespace that task governance makes for a team."""
    return f"hyperpod-ns-{team}"


class Placement(Value, ABC):
    """Where the pods of a job run, and who lets them."""

    @property
    @abstractmethod
    def namespace(self) -> str:
        """Their namespace."""

    def labels(self) -> dict[str, str]:
        """Labels of a job."""
        return {}

    def annotations(self) -> dict[str, str]:
        """Annotations of its pods."""
        return {}


def metadata(name: str, placement: Placement) -> dict[str, Any]:
    """The metadata of what is placed, without labels where it has none."""
    labels = placement.labels()
    return {"name": name, "namespace": placement.namespace, **({"labels": labels} if labels else {})}


class Unqueued(Placement):
    """A namespace whose pods start as soon as nodes are free: a cluster without task governance."""

    name: str = Field(pattern=r"^[a-z0-9](-*[a-z0-9]){0,62}$")
    """The namespace, which exists."""

    @property
    def namespace(self) -> str:
        return self.name


class Queued(Placement):
    """A namespace whose jobs wait in the cluster's shared queue."""

    name: str = Field(pattern=r"^[a-z0-9](-*[a-z0-9]){0,62}$")
    """The namespace, one of the queue's."""
    priority: str | None = Field(default=None, pattern=r"^[a-z0-9](-*[a-z0-9]){0,39}$")
    """A rank of the queue's; none by default: behind all that have one."""

    @property
    def namespace(self) -> str:
        return self.name

    def labels(self) -> dict[str, str]:
        return {QUEUE: SHARED, **({PRIORITY: self.priority} if self.priority else {})}


class TeamQueue(Placement):
    """A team's share of a cluster."""

    team: str = Field(pattern=r"^[a-z0-9](-*[a-z0-9]){0,39}$")
    """The team, by the name of its compute quota."""
    priority: str = Field(pattern=r"^[a-z0-9](-*[a-z0-9]){0,39}$")
    """A priority class of the cluster's scheduler configuration."""
    together: Topology | None = None
    """How near all pods must be to each other; as they come by default."""

    @property
    def namespace(self) -> str:
        return namespace(self.team)

    def labels(self) -> dict[str, str]:
        return {QUEUE: f"{self.namespace}-localqueue", PRIORITY: f"{self.priority}-priority"}

    def annotations(self) -> dict[str, str]:
        return {"kueue.x-k8s.io/podset-required-topology": self.together} if self.together else {}

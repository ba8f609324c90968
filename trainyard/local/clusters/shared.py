"""What the operations on a cluster have of it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.clusters.documents import BUSY, Roster
from trainyard.local.clusters.keeper import Keeper


class Shared(ABC):
    """Base of the operations on clusters: how one is found, and who keeps it."""

    _context: Context

    @abstractmethod
    def keeper(self, name: str) -> Keeper | None:
        """What keeps the cluster of that name."""

    @abstractmethod
    def _find(self, name_or_arn: str) -> dict[str, Any]:
        """The cluster's document.

        Raises:
            ServiceError: ResourceNotFound.
        """

    @abstractmethod
    def _roster(self, cluster: dict[str, Any]) -> Roster:
        """The cluster's documents, to be changed."""

    @abstractmethod
    def _wake(self, cluster: dict[str, Any]) -> None:
        """Says that the documents have changed."""

    @staticmethod
    def _require_in_service(cluster: Mapping[str, Any]) -> None:
        if cluster["ClusterStatus"] != "InService":
            raise ServiceError(
                "ConflictException",
                f"Cluster {cluster['ClusterName']!r} is {cluster['ClusterStatus']}. Wait until it is InService.",
                409,
            )

    @staticmethod
    def _require_settled(cluster: dict[str, Any]) -> None:
        name, status = cluster["ClusterName"], cluster["ClusterStatus"]
        if status in BUSY:
            raise ServiceError("ConflictException", f"Cluster {name!r} is {status}. Wait until it is InService.", 409)
        if status == "Failed":
            raise ServiceError("ConflictException", f"Cluster {name!r} is Failed. Delete it and create it again.", 409)

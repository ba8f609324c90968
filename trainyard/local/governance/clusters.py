"""What governance asks of the clusters.

A cluster that this cloud holds is looked at. An ARN that it does not hold is taken by its form when account and region
are the cloud's own: governance can then be deployed beside a cluster that nobody wants to run here.
"""

from collections import Counter
from collections.abc import Mapping

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Context
from trainyard.local.api.store import Document

_CLUSTER = "cluster"
"""Kind of clusters in the store."""


def check_cluster(context: Context, arn: str) -> None:
    """Refuses a cluster of another account, and one without Kubernetes.

    Raises:
        ServiceError: ResourceNotFound or ValidationException.
    """
    if not arn.startswith(context.arn("cluster/")):
        raise ServiceError("ResourceNotFound", f"ClusterArn: got {arn!r}, which is not in this account and region.")
    cluster = _find(context, arn)
    if cluster is not None and "Eks" not in cluster["Settings"].get("Orchestrator", {}):
        raise invalid(f"ClusterArn: got {arn!r}, but task governance is for clusters with Orchestrator.Eks.")


def instances_of(context: Context, arn: str) -> Mapping[str, int] | None:
    """Instances of a cluster by type; None where the cloud does not hold it."""
    cluster = _find(context, arn)
    if cluster is None:
        return None
    counted = Counter[str]()
    for group in cluster["Groups"]:
        spec = group["Spec"]
        for name in spec.get("InstanceRequirements", {}).get("InstanceTypes", [spec.get("InstanceType")]):
            counted[name] += spec["InstanceCount"]
    return counted


def _find(context: Context, arn: str) -> Document | None:
    found = context.store.find("ClusterArn", arn)
    return found[2] if found is not None and found[0] == _CLUSTER else None

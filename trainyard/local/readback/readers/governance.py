"""Reader of clusters' scheduler policies."""

from typing import Any

from trainyard.local.readback.readers.base import Deployed, Reader, tags


def _describe(deployed: Deployed) -> dict[str, Any]:
    identity = deployed.physical_id.rpartition("/")[2]
    found: dict[str, Any] = deployed.call(
        "sagemaker", "describe_cluster_scheduler_config", ClusterSchedulerConfigId=identity
    )
    return found


def _read(deployed: Deployed) -> dict[str, Any]:
    found = _describe(deployed)
    labels = deployed.call("sagemaker", "list_tags", ResourceArn=found["ClusterSchedulerConfigArn"])["Tags"]
    names = ("ClusterArn", "Description", "Name", "SchedulerConfig")
    return {**{name: found[name] for name in names if name in found}, "Tags": tags(labels)}


def _attribute(deployed: Deployed, name: str) -> Any:
    found = _describe(deployed).get(name)
    return None if found is None else str(found)


READERS = {"AWS::SageMaker::ClusterSchedulerConfig": Reader(read=_read, attribute=_attribute)}

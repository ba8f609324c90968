"""Reader of clusters: what DescribeCluster says of groups, in the words of the template."""

from collections.abc import Mapping
from typing import Any

from trainyard.local.readback.readers.base import Deployed, Reader, tags

_SAME = (
    "AutoPatchConfig", "CapacityRequirements", "ExecutionRole", "InstanceGroupName", "InstanceStorageConfigs",
    "InstanceType", "LifeCycleConfig", "NetworkInterface", "OnStartDeepHealthChecks", "OverrideVpcConfig",
    "ScheduledUpdateConfig", "SlurmConfig", "ThreadsPerCore", "TrainingPlanArn",
)  # fmt: skip
_RENAMED = {
    "InstanceCount": "TargetCount",
    "MinInstanceCount": "MinCount",
    "ImageId": "DesiredImageId",
    "ImageReleaseVersion": "DesiredImageReleaseVersion",
}
_WHOLE = ("AutoScaling", "ClusterName", "ClusterRole", "NodeProvisioningMode", "NodeRecovery", "Orchestrator",
          "TieredStorageConfig", "VpcConfig")  # fmt: skip


def _describe(deployed: Deployed) -> dict[str, Any]:
    return deployed.call("sagemaker", "describe_cluster", ClusterName=deployed.physical_id)


def _cluster(deployed: Deployed) -> dict[str, Any]:
    found = _describe(deployed)
    pages = deployed.clients.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=deployed.physical_id)
    labels = [row for page in pages for row in page["Tags"]]
    groups = [_group(group) for group in found["InstanceGroups"]]
    return {**{name: found[name] for name in _WHOLE if name in found}, "InstanceGroups": groups, "Tags": tags(labels)}


def _group(found: Mapping[str, Any]) -> dict[str, Any]:
    made = {name: found[name] for name in _SAME if name in found}
    made |= {name: found[given] for name, given in _RENAMED.items() if given in found}
    if "InstanceRequirements" in found:
        made["InstanceRequirements"] = {"InstanceTypes": found["InstanceRequirements"]["DesiredInstanceTypes"]}
    if "KubernetesConfig" in found:
        wanted = found["KubernetesConfig"]
        made["KubernetesConfig"] = {
            name: wanted[f"Desired{name}"] for name in ("Labels", "Taints") if f"Desired{name}" in wanted
        }
    return made


READERS = {
    "AWS::SageMaker::Cluster": Reader(
        read=_cluster,
        attribute=lambda deployed, name: _describe(deployed).get(name),
        defaults={"NodeRecovery": "Automatic"},
        chosen=frozenset({"ClusterName"}),
    ),
}

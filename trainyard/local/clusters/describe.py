"""Clusters and nodes in the words of Describe… and List…."""

from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.clusters import documents
from trainyard.local.clusters.documents import UP, name_of, orchestrator, patch_date

_SAME = ("ExecutionRole", "InstanceType", "InstanceStorageConfigs", "LifeCycleConfig", "OnStartDeepHealthChecks",
         "OverrideVpcConfig", "CapacityRequirements", "SlurmConfig", "NetworkInterface", "ScheduledUpdateConfig",
         "ThreadsPerCore", "TrainingPlanArn")  # fmt: skip
DEFAULT_IMAGE = "default"


def describe_cluster(cluster: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """DescribeCluster's answer."""
    shown = {
        **cluster["Settings"],
        "ClusterArn": cluster["ClusterArn"],
        "ClusterName": cluster["ClusterName"],
        "ClusterStatus": cluster["ClusterStatus"],
        "CreationTime": cluster["CreationTime"],
        "NodeRecovery": cluster["Settings"].get("NodeRecovery", "Automatic"),
        "InstanceGroups": [
            _group(cluster, group, [node for node in nodes if node["InstanceGroupName"] == name_of(group)])
            for group in cluster["Groups"]
        ],
    }
    if cluster["FailureMessage"]:
        shown["FailureMessage"] = cluster["FailureMessage"]
    return shown


def _group(cluster: Mapping[str, Any], group: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    spec = group["Spec"]
    made = [node for node in nodes if node["Status"] in UP]
    shown = {
        **{name: spec[name] for name in _SAME if name in spec},
        "InstanceGroupName": name_of(group),
        "CurrentCount": len(made),
        "TargetCount": spec["InstanceCount"],
        "MinCount": spec.get("MinInstanceCount"),
        "Status": group["Status"],
        "SoftwareUpdateStatus": group.get("SoftwareUpdateStatus"),
        "ActiveSoftwareUpdateConfig": group.get("ActiveSoftwareUpdateConfig"),
        "TargetStateCount": group.get("TargetStateCount"),
        "CurrentImageId": DEFAULT_IMAGE,
        "DesiredImageId": DEFAULT_IMAGE,
        "CurrentImageReleaseVersion": group.get("Release", spec.get("ImageReleaseVersion")),
        "DesiredImageReleaseVersion": spec.get("ImageReleaseVersion"),
    }
    if documents.continuous(cluster) and len(made) != spec["InstanceCount"]:
        shown["ActiveOperations"] = {"Scaling": 1}
    if "InstanceRequirements" in spec:
        types = spec["InstanceRequirements"]["InstanceTypes"]
        shown["InstanceRequirements"] = {"DesiredInstanceTypes": types, "CurrentInstanceTypes": types}
        shown["InstanceTypeDetails"] = [{"InstanceType": types[0], "CurrentCount": len(made)}]
    if "KubernetesConfig" in spec:
        shown["KubernetesConfig"] = _kubernetes(spec)
    if "AutoPatchConfig" in spec:
        shown["AutoPatchConfig"] = _patching(group)
    return shown


def describe_node(cluster: Mapping[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeClusterNode's answer."""
    group = documents.group_of(cluster, node["InstanceGroupName"])
    spec = group["Spec"] if group else {}
    shown = {
        **summary(node),
        **{name: spec[name] for name in ("InstanceStorageConfigs", "OverrideVpcConfig") if name in spec},
        **{name: node.get(name) for name in ("LifeCycleConfig", "NetworkInterface", "ThreadsPerCore")},
        "PrivatePrimaryIp": node["Address"] or None,
        "CurrentImageId": DEFAULT_IMAGE,
        "CapacityType": "Spot" if "Spot" in spec.get("CapacityRequirements", {}) else "OnDemand",
        "NodeLogicalId": node["NodeLogicalId"],
    }
    if node["Zone"]:
        shown["Placement"] = {"AvailabilityZone": node["Zone"]}
    if "KubernetesConfig" in spec and orchestrator(cluster) == "Eks":
        shown["KubernetesConfig"] = _kubernetes(spec)
    return shown


def summary(node: Mapping[str, Any]) -> dict[str, Any]:
    """ListClusterNodes' row of a node."""
    status = {"Status": node["Status"]}
    if node["Message"]:
        status["Message"] = node["Message"]
    return {
        "InstanceGroupName": node["InstanceGroupName"],
        "InstanceId": node["InstanceId"],
        "InstanceType": node["InstanceType"],
        "LaunchTime": node["LaunchTime"],
        "LastSoftwareUpdateTime": node.get("LastSoftwareUpdateTime"),
        "InstanceStatus": status,
        "PrivateDnsHostname": f"{host_name(node['Address'])}.ec2.internal" if node["Address"] else None,
        "CurrentImageReleaseVersion": node.get("Release"),
    }


def host_name(address: str) -> str:
    """How a node of that address is called, as EC2 names its hosts."""
    return "ip-" + address.replace(".", "-")


def _patching(group: Mapping[str, Any]) -> dict[str, Any]:
    """The strategy, and the date of the patch that is still to come."""
    given = group["Spec"]["AutoPatchConfig"]
    shown = {name: given[name] for name in ("PatchingStrategy", "IdleWaitWindowInSeconds") if name in given}
    date = patch_date(group)
    if date is not None:
        shown |= {f"{which}PatchSchedule": {"NextPatchDate": date} for which in ("Current", "Desired")}
    return shown


def _kubernetes(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Labels and taints that are wanted; no kubelet runs here, so that no node ever has them."""
    given = spec["KubernetesConfig"]
    return {f"Desired{name}": given[name] for name in ("Labels", "Taints") if name in given}

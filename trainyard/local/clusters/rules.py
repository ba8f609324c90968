"""What AWS checks of a cluster's request beyond the shapes: references, names, groups, the scheduler's roles.

Sources: CreateCluster and UpdateCluster (API reference), AWS::SageMaker::Cluster (CloudFormation), "SageMaker HyperPod
Slurm configuration" and "Continuous provisioning … with Slurm" (SageMaker AI Developer Guide), read 2026-11-22.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Platform
from trainyard.local.clusters.refusals import CLUSTER
from trainyard.local.jobs.references import check_key, check_location, check_network, check_role, check_unique
from trainyard.local.jobs.refusals import refuse

MOST_NODES = 64
"""Nodes that one cluster may have here: each is a set of processes of this machine."""
_HYPERPOD = "hyperpod.sagemaker.amazonaws.com"

Group = Mapping[str, Any]


def check_create(request: Mapping[str, Any], platform: Platform) -> None:
    """Refuses what AWS refuses of a new cluster, and what this cloud does not run.

    Raises:
        ServiceError: ValidationException or ResourceLimitExceeded, naming the field.
    """
    refuse(request, CLUSTER)
    if not request.get("InstanceGroups"):
        raise invalid("InstanceGroups: got none, but a cluster needs at least one group. Give one.")
    check_network(platform, "VpcConfig", request.get("VpcConfig"))
    check_settings(request, platform)
    check_groups(request["InstanceGroups"], request, platform)


def check_settings(settings: Mapping[str, Any], platform: Platform) -> None:
    """Refuses what cannot be true of the cluster as a whole.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    kinds = settings.get("Orchestrator")
    if kinds is not None and len(kinds) != 1:
        raise invalid(
            f"Orchestrator: got {sorted(kinds) or 'nothing'}, but it must be exactly one of Eks and Slurm. Give one."
        )
    if kinds and "Eks" in kinds:
        arn = kinds["Eks"]["ClusterArn"]
        if not platform.exists("eks_cluster", arn):
            raise invalid(
                f"Orchestrator.Eks.ClusterArn: got {arn!r}, but there is no such EKS cluster. Create it first."
            )
        if "VpcConfig" not in settings:
            raise invalid("VpcConfig: got nothing, but a cluster with Orchestrator.Eks needs the VPC's. Give it.")
    role = settings.get("ClusterRole")
    if role and not platform.exists("hyperpod_role", role):
        raise invalid(
            f"ClusterRole: got {role!r}, but there is no such role that trusts {_HYPERPOD}. Name one that does."
        )


def check_groups(groups: Sequence[Group], settings: Mapping[str, Any], platform: Platform) -> None:
    """Refuses groups that cannot be, alone or together.

    Args:
        groups: all groups that the cluster will have.
        settings: Orchestrator and NodeProvisioningMode are read from it.
        platform: what exists.

    Raises:
        ServiceError: ValidationException or ResourceLimitExceeded naming the field.
    """
    check_unique("InstanceGroups.InstanceGroupName", [group["InstanceGroupName"] for group in groups])
    for index, group in enumerate(groups):
        _check_group(f"InstanceGroups[{index}]", group, settings, platform)
    nodes = sum(group["InstanceCount"] for group in groups)
    if nodes > MOST_NODES:
        raise ServiceError(
            "ResourceLimitExceeded",
            f"InstanceGroups.InstanceCount: got {nodes} in all, but a cluster of the embedded cloud has at most "
            f"{MOST_NODES} nodes. Ask for fewer.",
        )
    slurm = (settings.get("Orchestrator") or {}).get("Slurm")
    if slurm is not None:
        if "SlurmConfigStrategy" in slurm and settings.get("NodeProvisioningMode") == "Continuous":
            raise invalid(
                f"Orchestrator.Slurm.SlurmConfigStrategy: got {slurm['SlurmConfigStrategy']!r}, but with continuous "
                "provisioning slurm.conf is always merged. Leave it out."
            )
        _check_slurm(groups)


def _check_group(field: str, group: Group, settings: Mapping[str, Any], platform: Platform) -> None:
    check_role(platform, group["ExecutionRole"])
    if ("InstanceType" in group) == ("InstanceRequirements" in group):
        raise invalid(f"{field}: give exactly one of InstanceType and InstanceRequirements.")
    continuous = settings.get("NodeProvisioningMode") == "Continuous"
    least = group.get("MinInstanceCount")
    if least is not None and not continuous:
        raise invalid(
            f"{field}.MinInstanceCount: got {least}, but only clusters with NodeProvisioningMode Continuous begin with "
            "less than all nodes. Leave it out, or set that mode."
        )
    if least is not None and least > group["InstanceCount"]:
        raise invalid(
            f"{field}.MinInstanceCount: got {least}, but InstanceCount is {group['InstanceCount']}. Give at most that."
        )
    _check_lifecycle(f"{field}.LifeCycleConfig", group, platform)
    check_network(platform, f"{field}.OverrideVpcConfig", group.get("OverrideVpcConfig"))
    for index, storage in enumerate(group.get("InstanceStorageConfigs", [])):
        here = f"{field}.InstanceStorageConfigs[{index}]"
        if len(storage) != 1:
            raise invalid(f"{here}: got {sorted(storage) or 'nothing'}, but it must be exactly one kind of volume.")
        lustre = storage.get("FsxLustreConfig")
        mount = f"{lustre['DnsName']}@tcp:/{lustre['MountName']}" if lustre else None
        if mount and not platform.exists("lustre", mount):
            raise invalid(f"{here}.FsxLustreConfig: got {mount}, but there is no such file system. Create it first.")
        check_key(platform, f"{here}.EbsVolumeConfig.VolumeKmsKeyId",
                  storage.get("EbsVolumeConfig", {}).get("VolumeKmsKeyId"))  # fmt: skip
    spot = "Spot" in group.get("CapacityRequirements", {})
    if spot and group.get("OnStartDeepHealthChecks"):
        raise invalid(f"{field}.OnStartDeepHealthChecks: got checks in a spot group. Leave out one of the two.")
    kinds = settings.get("Orchestrator") or {}
    for name, kind in (("SlurmConfig", "Slurm"), ("KubernetesConfig", "Eks")):
        if name in group and kind not in kinds:
            raise invalid(f"{field}.{name}: given, but the cluster's Orchestrator is not {kind}. Leave it out.")
    if "ImageReleaseVersion" in group and "Eks" not in kinds:
        raise invalid(
            f"{field}.ImageReleaseVersion: got {group['ImageReleaseVersion']!r}, but it is for clusters with "
            "Orchestrator.Eks only. Leave it out."
        )


def _check_lifecycle(field: str, group: Group, platform: Platform) -> None:
    config = group.get("LifeCycleConfig")
    if not config:
        return
    scripts = [name for name in ("OnCreate", "OnInitComplete") if name in config]
    if len(scripts) > 1:
        raise invalid(f"{field}: got OnCreate and OnInitComplete, but they exclude each other. Give one.")
    if not scripts or "SourceS3Uri" not in config:
        raise invalid(f"{field}: give SourceS3Uri and one of OnCreate and OnInitComplete, or leave {field} out.")
    script = config[scripts[0]]
    if script.startswith("/") or ".." in script.split("/"):
        raise invalid(f"{field}.{scripts[0]}: got {script!r}, but it must be a file under SourceS3Uri. Name one.")
    check_location(platform, f"{field}.SourceS3Uri", config["SourceS3Uri"])


def _check_slurm(groups: Sequence[Group]) -> None:
    for index, group in enumerate(groups):
        field, slurm = f"InstanceGroups[{index}].SlurmConfig", group.get("SlurmConfig")
        if slurm is None:
            raise invalid(f"{field}: got nothing, but with Orchestrator.Slurm each group has a NodeType. Give it.")
        if slurm["NodeType"] != "Compute" and slurm.get("PartitionNames"):
            raise invalid(
                f"{field}.PartitionNames: got {slurm['PartitionNames']} in a {slurm['NodeType']} group, but partitions "
                "hold Compute nodes. Leave it out."
            )
    controllers = [group for group in groups if group["SlurmConfig"]["NodeType"] == "Controller"]
    if len(controllers) != 1 or controllers[0]["InstanceCount"] != 1:
        shown = ", ".join(f"{group['InstanceGroupName']} with {group['InstanceCount']}" for group in controllers)
        raise invalid(
            f"InstanceGroups: got as controllers {shown or 'no group'}, but the embedded cloud runs Slurm with exactly "
            "one. Give one group of NodeType Controller with InstanceCount 1."
        )
    logins = [group["InstanceGroupName"] for group in groups if group["SlurmConfig"]["NodeType"] == "Login"]
    if len(logins) > 1:
        raise invalid(f"InstanceGroups: got as login groups {', '.join(logins)}, but a cluster has at most one.")


def check_update(request: Mapping[str, Any], cluster: Mapping[str, Any], platform: Platform) -> list[dict[str, Any]]:
    """Refuses what cannot be updated, and gives all groups as they shall be.

    A group that the request does not name stays as it is; one that it does is taken whole.

    Raises:
        ServiceError: ValidationException or ResourceLimitExceeded naming the field.
    """
    refuse(request, CLUSTER)
    settings = cluster["Settings"]
    if len(request) == 1:
        raise invalid("ClusterName: got nothing to update beside it. Give InstanceGroups, or what shall change.")
    mode = request.get("NodeProvisioningMode")
    if mode is not None and mode != settings.get("NodeProvisioningMode"):
        raise invalid(f"NodeProvisioningMode: got {mode!r}, but a cluster keeps the mode that it was created with.")
    if "Eks" in request.get("Orchestrator", {}) and request["Orchestrator"] != settings.get("Orchestrator"):
        raise invalid("Orchestrator.Eks: it cannot change. Create another cluster.")
    if set(request.get("Orchestrator", {})) - set(settings.get("Orchestrator") or {}):
        raise invalid("Orchestrator: got another than the cluster has, but it cannot change. Create another cluster.")
    specs = {group["Spec"]["InstanceGroupName"]: dict(group["Spec"]) for group in cluster["Groups"]}
    for name in request.get("InstanceGroupsToDelete", []):
        if name not in specs:
            raise invalid(f"InstanceGroupsToDelete: got {name!r}, but there is {', '.join(specs)}.")
        del specs[name]
    given = request.get("InstanceGroups", [])
    check_unique("InstanceGroups.InstanceGroupName", [group["InstanceGroupName"] for group in given])
    for index, group in enumerate(given):
        name = group["InstanceGroupName"]
        if name in request.get("InstanceGroupsToDelete", []):
            raise invalid(
                f"InstanceGroupsToDelete: got {name!r}, which InstanceGroups gives too. Name it in one of them."
            )
        before = specs.get(name, {})
        for field in ("InstanceType", "InstanceRequirements", "OverrideVpcConfig", "CapacityRequirements"):
            if before and before.get(field) != group.get(field):
                raise invalid(
                    f"InstanceGroups[{index}].{field}: it cannot change in a group that exists. Add a group of another "
                    "name and delete this one."
                )
        specs[name] = dict(group)
    after = {**settings, **{name: request[name] for name in settings if name in request}}
    check_settings(after, platform)
    check_groups(list(specs.values()), after, platform)
    return list(specs.values())

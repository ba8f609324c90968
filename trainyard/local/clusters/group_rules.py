"""What AWS checks of a cluster's instance groups, alone and together.

Sources: ClusterInstanceGroupSpecification (API reference), AWS::SageMaker::Cluster (CloudFormation), read 2026-11-22.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Platform
from trainyard.local.clusters.hardware_rules import check_hardware
from trainyard.local.clusters.scheduler_rules import check_slurm
from trainyard.local.clusters.update_rules import check_renewal
from trainyard.local.jobs.references import check_key, check_location, check_network, check_role, check_unique

MOST_NODES = 64
"""Nodes that one cluster may have here: each is a set of processes of this machine."""

Group = Mapping[str, Any]


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
        check_slurm(groups)


def _check_group(field: str, group: Group, settings: Mapping[str, Any], platform: Platform) -> None:
    check_role(platform, group["ExecutionRole"])
    if ("InstanceType" in group) == ("InstanceRequirements" in group):
        raise invalid(f"{field}: give exactly one of InstanceType and InstanceRequirements.")
    check_hardware(field, group)
    check_renewal(field, group, settings, platform)
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

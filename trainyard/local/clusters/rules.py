"""What AWS checks of a cluster's request beyond the shapes: the cluster as a whole, and what may be updated.

Sources: CreateCluster and UpdateCluster (API reference), AWS::SageMaker::Cluster (CloudFormation), read 2026-11-22.
"""

from collections.abc import Mapping
from typing import Any

from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Platform
from trainyard.local.clusters import accounting
from trainyard.local.clusters.group_rules import check_groups
from trainyard.local.clusters.refusals import CLUSTER
from trainyard.local.jobs.references import check_network, check_unique
from trainyard.local.jobs.refusals import refuse

_HYPERPOD = "hyperpod.sagemaker.amazonaws.com"


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
    accounting.check(settings, platform)
    role = settings.get("ClusterRole")
    if role and not platform.exists("hyperpod_role", role):
        raise invalid(
            f"ClusterRole: got {role!r}, but there is no such role that trusts {_HYPERPOD}. Name one that does."
        )


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
    accounting.check_change(request, settings)
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

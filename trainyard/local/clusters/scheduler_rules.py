"""What AWS checks of a cluster's groups where Slurm is its scheduler.

Source: "SageMaker HyperPod Slurm configuration" and "Continuous provisioning … with Slurm" (SageMaker AI Developer
Guide), read 2026-11-22.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.api.errors import invalid

Group = Mapping[str, Any]


def check_slurm(groups: Sequence[Group]) -> None:
    """Refuses groups that cannot be the nodes of one Slurm cluster.

    Raises:
        ServiceError: ValidationException naming the field.
    """
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

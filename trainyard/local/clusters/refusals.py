"""What AWS runs for clusters and the embedded cloud does not: refused by name."""

from trainyard.local.jobs.refusals import Refusal

_WITHOUT_SCHEDULE = "Leave it out: nobody patches the nodes here; UpdateClusterSoftware does it when asked."


def _disabled(value: object) -> bool:
    return isinstance(value, dict) and value.get("Mode") == "Disable"


GROUP = (
    Refusal(path="InstanceGroups[].TrainingPlanArn", way_out="Leave it out: there are no training plans."),
    Refusal(path="InstanceGroups[].ScheduledUpdateConfig", way_out=_WITHOUT_SCHEDULE),
    Refusal(path="InstanceGroups[].AutoPatchConfig", way_out=_WITHOUT_SCHEDULE),
    Refusal(path="InstanceGroups[].ThreadsPerCore", way_out="Leave it out: nodes share this machine's cores."),
    Refusal(path="InstanceGroups[].NetworkInterface", way_out="Leave it out: this machine has no EFA."),
    Refusal(
        path="InstanceGroups[].ImageId",
        way_out="Leave it out, or write default: one image stands for all.",
        allowed=lambda value: value == "default",
    ),
    Refusal(
        path="InstanceGroups[].InstanceStorageConfigs[].FsxOpenZfsConfig",
        way_out="Leave it out: the cluster's shared folder stands for FSx for Lustre only.",
    ),
)
CLUSTER = (
    Refusal(path="RestrictedInstanceGroups", way_out="Leave it out: Nova's groups exist on AWS only."),
    Refusal(path="RestrictedInstanceGroupsConfig", way_out="Leave it out: Nova's groups exist on AWS only."),
    Refusal(
        path="Orchestrator.Slurm.AccountingDatabase",
        way_out="Leave it out: there is no database server; accounting stays on the controller.",
    ),
    Refusal(
        path="TieredStorageConfig", way_out="Leave it out, or Mode Disable: no agent keeps a tier in memory here.",
        allowed=_disabled,
    ),
    Refusal(
        path="AutoScaling", way_out="Leave it out, or Mode Disable: there is no Karpenter here.", allowed=_disabled
    ),
    *GROUP,
)  # fmt: skip
"""For CreateCluster and UpdateCluster."""
SOFTWARE = (
    Refusal(
        path="ImageId",
        way_out="Leave it out, or write default: one image stands for all.",
        allowed=lambda value: value == "default",
    ),
)
"""For UpdateClusterSoftware."""
ADDING = (
    Refusal(path="NodesToAdd[].AvailabilityZones", way_out="Leave it out: all nodes are on this machine."),
    Refusal(path="NodesToAdd[].InstanceTypes", way_out="Leave it out: a group has one type here."),
)
"""For BatchAddClusterNodes."""

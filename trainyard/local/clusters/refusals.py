"""What AWS runs for clusters and the embedded cloud does not: refused by name."""

from trainyard.local.jobs.refusals import Refusal


def _disabled(value: object) -> bool:
    return isinstance(value, dict) and value.get("Mode") == "Disable"


GROUP = (
    Refusal(
        path="InstanceGroups[].AutoPatchConfig.PatchingStrategy",
        way_out="Give WhenIdle or WhenAllIdle: no pods run here that could be evicted.",
        allowed=lambda value: value != "DrainFirst",
    ),
    Refusal(path="InstanceGroups[].AutoPatchConfig.DrainPolicy", way_out="Leave it out: it is DrainFirst's."),
    Refusal(
        path="InstanceGroups[].AutoPatchConfig.DeploymentConfig", way_out="Leave it out: batches are DrainFirst's."
    ),
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

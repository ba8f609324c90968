"""A cluster as large as Karpenter may make it."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_lib.hyperpod import ClusterSettings, InstanceGroup, OneType
from constructs_lib.hyperpod.eks.scaling import ScaledPool
from constructs_lib.network import PODS, Nodes
from ml_contract.instances import InstanceType


def grown(settings: ClusterSettings, pools: Sequence[ScaledPool]) -> ClusterSettings:
    """The cluster with every pool at its limits: in each zone, of those nodes that take most addresses.

    It is held against subnets and never made: a scaled group itself begins at 0.

    Args:
        settings: The cluster.
        pools: What Karpenter may make of its scaled groups.
    """
    found = {group.name: group for group in settings.groups}
    for pool in pools:
        scaled = [settings.group(name) for name in pool.check(settings).groups]
        for zone in {settings.zone_of(group) for group in scaled}:
            there = [group for group in scaled if settings.zone_of(group) == zone]
            nodes = [(group, entry) for group in there for entry in group.hosts.entries]
            group, entry = max(nodes, key=lambda one: _addresses(pool, *one))
            # A group may serve several pools.
            count = found[group.name].count + pool.most(entry)
            hosts = OneType(instance_type=entry.name)
            found[group.name] = group.model_copy(update={"count": count, "hosts": hosts})
    return settings.model_copy(update={"groups": tuple(found.values())})


def _addresses(pool: ScaledPool, group: InstanceGroup, entry: InstanceType) -> int:
    nodes = Nodes(instance_type=entry.name, count=pool.most(entry), interface=group.interface or "efa", pods=PODS)
    return nodes.addresses

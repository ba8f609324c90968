"""Subnets of a cluster's zones, and whether its instances fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from constructs_lib.hyperpod.settings import ClusterSettings
from constructs_lib.network import PODS, Network, Nodes, Place
from ml_contract.errors import reject


def choose(settings: ClusterSettings, network: Network, given: Sequence[Place]) -> dict[str, Place]:
    """The place of each zone that the cluster is in.

    Args:
        settings: The cluster.
        network: Where it is.
        given: Its places, at most one a zone; without any, those of the network.

    Raises:
        ContractError: There is none in a zone, or several.
    """
    found: dict[str, Place] = {}
    for zone in dict.fromkeys([settings.zone, *(settings.zone_of(group) for group in settings.groups)]):
        candidates = [place for place in given if place.zone == zone] if given else list(network.places(zone))
        if not candidates:
            known = ", ".join(place.zone for place in (given or network.places()))
            reject("zone", zone, f"there are subnets for nodes in {known or 'no zone'}",
                   "Take one of them, or give the network that zone.")  # fmt: skip
        if len(candidates) > 1:
            reject("places", [place.name for place in candidates], f"several subnets are in {zone}",
                   'Give the one that was made for this cluster: places=[network.clusters["Slurm"]].')  # fmt: skip
        found[zone] = candidates[0]
    return found


def admit(
    settings: ClusterSettings, places: Mapping[str, Place], orchestrator: Literal["Slurm", "Eks"], *,
    field: str = "groups.count",
) -> None:  # fmt: skip
    """Hold all groups of a zone against its subnet.

    Args:
        settings: The cluster.
        places: The subnet of each zone.
        orchestrator: Who gives addresses to pods, or none.
        field: What makes the groups as large as they are, for the message.

    Raises:
        ContractError: A subnet is too small.
    """
    for zone, place in places.items():
        nodes = [
            # Of several types, the one that takes most comes at worst.
            max(
                (
                    Nodes(instance_type=name, count=group.count, interface=group.interface or "efa",
                          pods=PODS if orchestrator == "Eks" else 0)
                    for name in group.hosts.types
                ),
                key=lambda one: one.each,
            )
            for group in settings.groups
            if group.count and settings.zone_of(group) == zone
        ]  # fmt: skip
        place.admit(field, nodes)

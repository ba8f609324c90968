"""How many addresses the instances of a cluster take, and whether a subnet has them.

Source: "Setting up SageMaker HyperPod with a custom Amazon VPC", SageMaker AI Developer Guide, read 2026-11-22: on
Slurm an instance takes one address a network card, 32 for P5; on EKS as many as its first card can have, 50, and one
for each further card, 81 for P5.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Literal

from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.hyperpod.settings import ClusterSettings
from constructs_lib.network.sizing import PER_NODE, RESERVED
from ml_contract.errors import reject

FIRST_CARD_OF_EKS = 50
"""Addresses that the network plugin of EKS takes for pods of one instance, where it is large."""


def addresses_of(group: InstanceGroup, orchestrator: Literal["Slurm", "Eks"]) -> int:
    """Addresses of one instance of ``group``, of the type that takes most."""
    cards = max(entry.efa_interfaces for entry in group.hosts.entries)
    further = 0 if group.interface == "efa-only" else max(0, cards - 1)
    first = FIRST_CARD_OF_EKS if orchestrator == "Eks" else 1
    return max(PER_NODE, first + further)


def needed(settings: ClusterSettings, orchestrator: Literal["Slurm", "Eks"]) -> dict[str, int]:
    """Addresses that the cluster takes of each zone, with one more instance of each group: a replacement comes before
    the faulty one's interfaces are gone."""
    found: dict[str, int] = {}
    for group in settings.groups:
        zone = settings.zone_of(group)
        found[zone] = found.get(zone, 0) + (group.count + 1) * addresses_of(group, orchestrator)
    return found


def check(
    settings: ClusterSettings, orchestrator: Literal["Slurm", "Eks"], blocks: Mapping[str, str], *, endpoints: int
) -> None:
    """Hold the groups against the subnets.

    Args:
        settings: The cluster.
        orchestrator: Who gives work to the instances.
        blocks: Block of the subnet of each zone, where it is known at synth.
        endpoints: Interface endpoints of the network, each with an address a subnet.

    Raises:
        ContractError: A subnet is too small.
    """
    for zone, taken in needed(settings, orchestrator).items():
        if zone not in blocks:
            continue
        has = ipaddress.IPv4Network(blocks[zone]).num_addresses - RESERVED - endpoints
        if taken > has:
            prefix = 32 - (taken + RESERVED + endpoints - 1).bit_length()
            reject("groups.count", {group.name: group.count for group in settings.groups},
                   f"their instances in {zone} take {taken} addresses, and its subnet {blocks[zone]} has {has}",
                   f"Give the network subnets of /{prefix}, or take fewer instances.")  # fmt: skip

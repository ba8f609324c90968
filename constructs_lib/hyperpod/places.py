"""Subnets of a cluster's zones."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from constructs_lib.hyperpod.settings import ClusterSettings
from constructs_lib.network import Network
from ml_contract.errors import reject


def subnets(settings: ClusterSettings, network: Network) -> dict[str, ec2.ISubnet]:
    """The subnet of each zone that the cluster is in.

    Raises:
        ContractError: The network has none in a zone.
    """
    found = {subnet.availability_zone: subnet for subnet in network.subnets}
    zones = dict.fromkeys([settings.zone, *(settings.zone_of(group) for group in settings.groups)])
    for zone in zones:
        if zone not in found:
            reject("zone", zone, f"the network has subnets in {', '.join(found)}",
                   "Take one of them, or give the network that zone.")  # fmt: skip
    return {zone: found[zone] for zone in zones}


def blocks(subnets: Mapping[str, ec2.ISubnet]) -> dict[str, str]:
    """Blocks of the subnets that are known at synth; imported ones are not."""
    found: dict[str, str] = {}
    for zone, subnet in subnets.items():
        if isinstance(subnet, ec2.Subnet) and not cdk.Token.is_unresolved(subnet.ipv4_cidr_block):
            found[zone] = subnet.ipv4_cidr_block
    return found

"""Where the nodes of a cluster are in its network: addresses of its subnets, as AWS gives them to its interfaces."""

import ipaddress
from collections.abc import Collection, Mapping
from typing import Any

from trainyard.local.api.service import Platform

DEFAULT_NETWORK = "10.1.0.0/16"
"""Network of a cluster without VpcConfig: AWS gives it one of its own account."""
_RESERVED = 4
"""AWS keeps the first four addresses of a subnet and the last (VPC User Guide, subnet sizing, read 2026-11-22)."""


class NoAddress(Exception):
    """A subnet has no address left; the message names it."""


class Places:
    """The network of one cluster. Reads the subnets through EC2, so it is for threads only."""

    def __init__(self, platform: Platform, cluster: Mapping[str, Any]) -> None:
        """Reads nothing yet."""
        self._platform = platform
        self._vpc = cluster["Settings"].get("VpcConfig")
        self._known: dict[str, tuple[str, str, str]] = {}

    def networks(self) -> list[str]:
        """The ranges of all addresses, as they are now: the VPC's."""
        if not self._vpc:
            return [DEFAULT_NETWORK]
        vpc = self._subnet(self._vpc["Subnets"][0])[2]
        (found,) = self._platform.client("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"]
        return [row["CidrBlock"] for row in found["CidrBlockAssociationSet"]]

    def find(self, spec: Mapping[str, Any], taken: Collection[str]) -> tuple[str, str]:
        """A free address for a node of a group, and its availability zone (empty without VpcConfig).

        The subnets are filled in the order in which they are given.

        Raises:
            NoAddress: every subnet is full.
        """
        vpc = spec.get("OverrideVpcConfig") or self._vpc
        subnets = [self._subnet(subnet) for subnet in vpc["Subnets"]] if vpc else [(DEFAULT_NETWORK, "", "")]
        for block, zone, _ in subnets:
            network = ipaddress.IPv4Network(block)
            for index in range(_RESERVED, network.num_addresses - 1):
                address = str(network[index])
                if address not in taken:
                    return address, zone
        names = ", ".join(vpc["Subnets"]) if vpc else DEFAULT_NETWORK
        raise NoAddress(f"Insufficient free addresses in subnet {names}. Use a larger one")

    def _subnet(self, identity: str) -> tuple[str, str, str]:
        if identity not in self._known:
            found = self._platform.client("ec2").describe_subnets(SubnetIds=[identity])["Subnets"][0]
            self._known[identity] = found["CidrBlock"], found["AvailabilityZone"], found["VpcId"]
        return self._known[identity]

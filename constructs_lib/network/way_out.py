"""How a private network reaches what is outside of it: not at all, by NAT, or by a transit gateway.

Sources, read 2026-11-22: "NAT gateway basics" (one stands in one zone; traffic from another zone crosses zones, at a
price), VPC User Guide; "Amazon VPC attachments in AWS Transit Gateway" and "Transit Gateway design best practices" (a
small subnet of its own in every zone that is to be reached), Transit Gateway Guide.
"""

from __future__ import annotations

import ipaddress
import itertools
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from aws_cdk import aws_ec2 as ec2
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.network.zones import Zone
from constructs_lib.values import Value
from ml_contract.errors import reject

EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class Inside:
    """What a network gives to its way out."""

    scope: Construct
    """Where resources are made."""
    vpc: ec2.IVpc
    subnets: Sequence[ec2.ISubnet]
    """Every private subnet, of jobs and of clusters."""
    small: Mapping[str, str]
    """By zone, a block of 16 addresses; empty where the way out needs none."""


class WayOut(Value):
    """How private subnets reach what is outside of the network."""

    subnet_type: ClassVar[ec2.SubnetType] = ec2.SubnetType.PRIVATE_WITH_EGRESS
    """What CDK calls the private subnets."""
    small_subnets: ClassVar[bool] = True
    """Whether it needs a small subnet in each zone."""
    closed: ClassVar[bool] = False
    """Whether nothing outside can be reached but by endpoints."""

    def check(self, *, blocks: Sequence[str], zones: Sequence[str]) -> None:
        """Refuse what does not go with the network.

        Args:
            blocks: Of the network, those of its clusters included.
            zones: Its zones.

        Raises:
            ContractError: With the way out.
        """

    @abstractmethod
    def bind(self, inside: Inside) -> None:
        """Make gateways and routes."""


class Closed(WayOut):
    """None: what is not an endpoint of the network cannot be reached. It costs nothing and opens nothing."""

    subnet_type: ClassVar[ec2.SubnetType] = ec2.SubnetType.PRIVATE_ISOLATED
    small_subnets: ClassVar[bool] = False
    closed: ClassVar[bool] = True

    def bind(self, inside: Inside) -> None:
        """There is nothing to make."""


class Nat(WayOut):
    """NAT gateways in public subnets: whatever the nodes' group lets out reaches the internet."""

    zones: tuple[Zone, ...] = Field(min_length=1)
    """Zones with a gateway. A subnet in another zone takes the first one's: that traffic pays for crossing zones, and
    ends with that zone. Name the zone of a cluster, or all."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.zones)) < len(self.zones):
            reject("zones", self.zones, "a zone has one gateway", "Remove the repetition.")
        return self

    def check(self, *, blocks: Sequence[str], zones: Sequence[str]) -> None:  # noqa: ARG002  (blocks matter to others)
        for zone in self.zones:
            if zone not in zones:
                reject("way_out.zones", zone, f"the zones of the network are {', '.join(zones)}", "Take one of them.")

    def bind(self, inside: Inside) -> None:
        internet = ec2.CfnInternetGateway(inside.scope, "Internet")
        attachment = ec2.CfnVPCGatewayAttachment(inside.scope, "InternetAttachment", vpc_id=inside.vpc.vpc_id,
                                                 internet_gateway_id=internet.ref)  # fmt: skip
        gateways = {}
        for zone in self.zones:
            # Nothing but the gateway lives here: an instance started by mistake gets no public address.
            public = ec2.PublicSubnet(inside.scope, f"Public-{zone}", vpc_id=inside.vpc.vpc_id, availability_zone=zone,
                                      cidr_block=inside.small[zone], map_public_ip_on_launch=False)  # fmt: skip
            public.add_default_internet_route(internet.ref, attachment)
            gateways[zone] = public.add_nat_gateway()
        for subnet in inside.subnets:
            nearest = gateways.get(subnet.availability_zone, gateways[self.zones[0]])
            ec2.CfnRoute(inside.scope, f"WayOut-{subnet.node.id}", route_table_id=subnet.route_table.route_table_id,
                         destination_cidr_block=EVERYWHERE, nat_gateway_id=nearest.ref)  # fmt: skip


class EgressVpc(WayOut):
    """A transit gateway, behind which a network of the organisation inspects what goes out.

    The network itself has no internet gateway. The transit gateway's own route table, and the way back, are the other
    side's.
    """

    transit_gateway_id: str = Field(pattern=r"^tgw-[0-9a-f]{8,17}$")
    """The gateway, of this account or shared with it."""
    destinations: tuple[str, ...] = Field(min_length=1)
    """Blocks that are reached through it, for example ``("0.0.0.0/0",)``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for index, destination in enumerate(self.destinations):
            try:
                ipaddress.IPv4Network(destination)
            except ValueError as error:
                reject(f"destinations.{index}", destination, f"it must be an IPv4 network ({error})",
                       "Write it like 0.0.0.0/0.")  # fmt: skip
        if len(set(self.destinations)) < len(self.destinations):
            reject("destinations", self.destinations, "a block is routed once", "Remove the repetition.")
        return self

    def check(self, *, blocks: Sequence[str], zones: Sequence[str]) -> None:  # noqa: ARG002  (it is attached in all)
        for block, destination in itertools.product(blocks, self.destinations):
            if ipaddress.IPv4Network(destination).subnet_of(ipaddress.IPv4Network(block)):
                reject("way_out.destinations", destination, f"it lies inside the network's own {block}", "Remove it.")

    def bind(self, inside: Inside) -> None:
        transit = [
            ec2.PrivateSubnet(inside.scope, f"Transit-{zone}", vpc_id=inside.vpc.vpc_id, availability_zone=zone,
                              cidr_block=block, map_public_ip_on_launch=False)
            for zone, block in inside.small.items()
        ]  # fmt: skip
        attachment = ec2.CfnTransitGatewayAttachment(
            inside.scope,
            "Transit",
            transit_gateway_id=self.transit_gateway_id,
            vpc_id=inside.vpc.vpc_id,
            subnet_ids=[subnet.subnet_id for subnet in transit],
        )
        for subnet in inside.subnets:
            for index, destination in enumerate(self.destinations):
                route = ec2.CfnRoute(
                    inside.scope,
                    f"WayOut-{subnet.node.id}-{index}",
                    route_table_id=subnet.route_table.route_table_id,
                    destination_cidr_block=destination,
                    transit_gateway_id=self.transit_gateway_id,
                )
                route.add_resource_dependency(attachment)

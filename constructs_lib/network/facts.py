"""Facts of a network that exists, as ``aws ec2 describe-…`` prints them, each held against what nodes need.

Sources, read 2026-11-22: "Setting up SageMaker HyperPod with a custom Amazon VPC", "Get started with EFA and NCCL".
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from constructs_lib.network.sizing import RESERVED, Nodes, network_of
from constructs_lib.network.zones import Zone
from constructs_lib.values import Value
from ml_contract.errors import reject

Route = Literal["none", "nat", "transit-gateway", "internet-gateway"]
RouteTable = Annotated[str, Field(pattern=r"^rtb-[0-9a-f]{8,17}$")]
_HTTPS = ("-1", "tcp", "6")
"""Protocols that carry it, as EC2 prints them."""


class GroupRule(Value):
    """A rule of a security group."""

    direction: Literal["in", "out"]
    """``in`` for ingress, ``out`` for egress."""
    protocol: str = Field(pattern=r"^(-1|tcp|udp|icmp|[0-9]{1,3})$")
    """``-1`` for all traffic, as EC2 prints it."""
    peer: str = Field(pattern=r"^((sg|pl)-[0-9a-f]{8,17}|[0-9a-fA-F.:]+/[0-9]{1,3})$")
    """Id of the other group, which may be the group itself, or of a prefix list, or a block."""


class ImportedGroup(Value):
    """The group that nodes are in."""

    id: str = Field(pattern=r"^sg-[0-9a-f]{8,17}$")
    """Its id."""
    rules: tuple[GroupRule, ...]
    """Its rules."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for direction, name in (("in", "ingress"), ("out", "egress")):
            if not any((rule.direction, rule.protocol, rule.peer) == (direction, "-1", self.id) for rule in self.rules):
                reject("rules", [rule.peer for rule in self.rules if rule.direction == direction],
                       f"nodes exchange gradients by a rule of {name} for all traffic with the group itself, by its "
                       "id; 0.0.0.0/0 does not stand in for it",
                       f'Add {name} of protocol "-1" with {self.id}, or leave group out to have one made.')  # fmt: skip
        leaving = [rule for rule in self.rules if rule.direction == "out" and rule.peer != self.id]
        if not any(rule.protocol in _HTTPS for rule in leaving):
            reject("rules", [f"{rule.protocol} to {rule.peer}" for rule in leaving],
                   "nodes reach no endpoint: no TCP leaves the group",
                   'Add egress to a block, for example 0.0.0.0/0 of protocol "-1".')  # fmt: skip
        return self


class ImportedSubnet(Value):
    """A private subnet that exists."""

    id: str = Field(pattern=r"^subnet-[0-9a-f]{8,17}$")
    """Its id."""
    zone: Zone
    """Its availability zone."""
    cidr: str
    """Its block."""
    route_table: RouteTable
    """Route table that it is associated with."""
    default_route: Route
    """Where 0.0.0.0/0 goes in that table; ``none`` where there is no such route."""
    taken: int = Field(ge=0)
    """Addresses that others use, endpoints included, without the five that AWS reserves."""

    @field_validator("cidr")
    @classmethod
    def _check_cidr(cls, value: str) -> str:
        network_of("", value)
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.default_route == "internet-gateway":
            reject("default_route", self.default_route, "nodes have no public address, and a subnet with a route to an "
                   "internet gateway is public", "Take a private subnet.")  # fmt: skip
        if self.room < 0:
            reject("taken", self.taken, f"{self.cidr} has {self.room + self.taken} addresses", "Correct the facts.")
        return self

    @property
    def block(self) -> ipaddress.IPv4Network:
        """Its block."""
        return ipaddress.IPv4Network(self.cidr)

    @property
    def room(self) -> int:
        """Addresses that are left."""
        return self.block.num_addresses - RESERVED - self.taken


class ImportedCluster(Value):
    """A subnet that exists, for the nodes of one cluster."""

    name: str = Field(pattern=r"^[A-Z][A-Za-z0-9]{0,30}$")
    """Name by which a cluster asks for it."""
    subnet: ImportedSubnet
    """The subnet."""
    nodes: tuple[Nodes, ...] = Field(min_length=1)
    """The most nodes that it will ever have."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.needed > self.subnet.room:
            reject("subnet.cidr", self.subnet.cidr, f"its nodes and their replacements take {self.needed} addresses "
                   f"and {self.subnet.room} are left", "Take a larger subnet, or fewer nodes.")  # fmt: skip
        return self

    @property
    def needed(self) -> int:
        """Addresses of its nodes, and of those that replace them."""
        return sum(nodes.addresses for nodes in self.nodes)

"""A network that exists: its facts are given, and held against what nodes need before anything is deployed into it.

Synthesis asks no account. ``aws ec2 describe-vpcs``, ``describe-subnets``, ``describe-route-tables``,
``describe-security-groups`` and ``describe-vpc-endpoints`` print every fact here.

Sources, read 2026-11-22: "Give SageMaker AI Training Jobs Access to Resources in Your Amazon VPC" (default tenancy,
DNS, endpoints), "Setting up SageMaker HyperPod with a custom Amazon VPC", "Get started with EFA and NCCL".
"""

from __future__ import annotations

import ipaddress
from typing import Literal, Self

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct
from pydantic import Field, field_validator, model_validator

from constructs_lib.network.group import nodes_group
from constructs_lib.network.plan import Fabric, NetworkPlan, Place
from constructs_lib.network.purposes import endpoints_of
from constructs_lib.network.sizing import RESERVED, Nodes, addresses, network_of
from constructs_lib.values import Value
from ml_contract.errors import reject

Route = Literal["none", "nat", "transit-gateway", "internet-gateway"]


class GroupRule(Value):
    """A rule of a security group."""

    direction: Literal["in", "out"]
    """``in`` for ingress, ``out`` for egress."""
    protocol: str = Field(pattern=r"^(-1|tcp|udp|icmp|[0-9]{1,3})$")
    """``-1`` for all traffic, as EC2 prints it."""
    peer: str = Field(min_length=1)
    """Id of the other group, which may be the group itself, or a block."""


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
        if not any(rule.direction == "out" and rule.peer != self.id for rule in self.rules):
            reject("rules", self.rules, "nodes reach no endpoint: nothing leaves the group",
                   'Add egress to a block, for example 0.0.0.0/0 of protocol "-1".')  # fmt: skip
        return self


class ImportedSubnet(Value):
    """A private subnet that exists."""

    id: str = Field(pattern=r"^subnet-[0-9a-f]{8,17}$")
    """Its id."""
    zone: str
    """Its availability zone."""
    cidr: str
    """Its block."""
    route_table: str = Field(pattern=r"^rtb-[0-9a-f]{8,17}$")
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
        return self

    @property
    def room(self) -> int:
        """Addresses that are left."""
        return ipaddress.IPv4Network(self.cidr).num_addresses - RESERVED - self.taken


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


class ImportedNetwork(NetworkPlan):
    """A network that exists."""

    vpc_id: str = Field(pattern=r"^vpc-[0-9a-f]{8,17}$")
    """Its id."""
    cidrs: tuple[str, ...] = Field(min_length=1, max_length=50)
    """Its blocks, the first one first."""
    tenancy: Literal["default", "dedicated"]
    """InstanceTenancy."""
    dns_support: bool
    """enableDnsSupport."""
    dns_hostnames: bool
    """enableDnsHostnames."""
    subnets: tuple[ImportedSubnet, ...] = Field(min_length=1, max_length=6)
    """Subnets of jobs, at most one a zone."""
    clusters: tuple[ImportedCluster, ...] = ()
    """Subnets of clusters; none by default."""
    services: tuple[str, ...]
    """Services that its endpoints reach, for example ``("s3", "sts", "ecr.api")``, with private DNS."""
    group: ImportedGroup | None = None
    """Group of the nodes; by default one is made, with the three rules that EFA needs."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.tenancy != "default":
            reject("tenancy", self.tenancy, "jobs and clusters run on shared hardware only",
                   "Take a VPC of default tenancy.")  # fmt: skip
        for name in ("dns_support", "dns_hostnames"):
            if not getattr(self, name):
                reject(name, False, "names of endpoints and file systems are resolved inside the network",
                       f"Turn {name} on in the VPC.")  # fmt: skip
        self._check_subnets()
        self._check_reach()
        return self

    def _check_subnets(self) -> None:
        blocks = [ipaddress.IPv4Network(cidr) for cidr in self.cidrs]
        zones = self.zones
        if len(set(zones)) < len(zones):
            reject("subnets", zones, "each zone has one subnet of jobs", "Remove one of the two.")
        ids = [subnet.id for subnet in self._all()]
        if len(set(ids)) < len(ids):
            reject("subnets", ids, "a subnet is named once", "Remove the repetition.")
        needed = addresses(nodes=self.nodes, efa=self.efa, endpoints=sum(one.addresses for one in self.purposes))
        for index, subnet in enumerate(self.subnets):
            if subnet.room < needed - RESERVED:
                reject(f"subnets.{index}.cidr", subnet.cidr, f"{self.nodes} nodes and their replacements take "
                       f"{needed - RESERVED} addresses and {subnet.room} are left",
                       "Take a larger subnet, or fewer nodes.")  # fmt: skip
        for subnet in self._all():
            if not any(ipaddress.IPv4Network(subnet.cidr).subnet_of(block) for block in blocks):
                reject("subnets.cidr", subnet.cidr, f"the network has {', '.join(self.cidrs)}", "Correct the facts.")
        for cluster in self.clusters:
            if cluster.subnet.zone not in zones:
                reject("clusters.subnet.zone", cluster.subnet.zone, f"endpoints stand in {', '.join(zones)}",
                       "Name a subnet of jobs in that zone too.")  # fmt: skip

    def _check_reach(self) -> None:
        if not self.closed:
            return
        wanted = ["s3", *(endpoint.service for endpoint in endpoints_of(self.purposes))]
        missing = [name for name in wanted if name not in self.services]
        if missing:
            reject("services", self.services, "a subnet has no default route, and what runs there calls "
                   f"{', '.join(missing)} too",
                   "Make these endpoints in the VPC, or give every subnet a way out.")  # fmt: skip

    def _all(self) -> tuple[ImportedSubnet, ...]:
        return (*self.subnets, *(cluster.subnet for cluster in self.clusters))

    @property
    def closed(self) -> bool:
        return any(subnet.default_route == "none" for subnet in self._all())

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(subnet.zone for subnet in self.subnets)

    def bind(self, scope: Construct, removal: cdk.RemovalPolicy) -> Fabric:  # noqa: ARG002  (nothing here is removed)
        vpc = ec2.Vpc.from_vpc_attributes(
            scope,
            "Vpc",
            vpc_id=self.vpc_id,
            vpc_cidr_block=self.cidrs[0],
            availability_zones=list(self.zones),
        )
        group = (
            ec2.SecurityGroup.from_security_group_id(scope, "Nodes", self.group.id, mutable=False)
            if self.group
            else nodes_group(scope, vpc)
        )
        shared = sum(purpose.addresses for purpose in self.purposes)
        needed = addresses(nodes=self.nodes, efa=self.efa, endpoints=shared) - RESERVED
        return Fabric(
            vpc=vpc,
            jobs=[_place(scope, one.zone, one, one.room - shared, one.room - needed) for one in self.subnets],
            clusters={
                one.name: _place(scope, one.name, one.subnet, one.subnet.room, one.subnet.room - one.needed)
                for one in self.clusters
            },
            nodes=group,
            closed=self.closed,
        )


def _place(scope: Construct, name: str, subnet: ImportedSubnet, room: int, spare: int) -> Place:
    found = ec2.Subnet.from_subnet_attributes(
        scope,
        f"Subnet-{name}",
        subnet_id=subnet.id,
        availability_zone=subnet.zone,
        route_table_id=subnet.route_table,
        ipv4_cidr_block=subnet.cidr,
    )
    return Place(name=name, zone=subnet.zone, subnet=found, room=room, spare=spare)

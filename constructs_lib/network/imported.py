"""A network that exists: its facts are given, and held against what nodes need before anything is deployed into it.

Synthesis asks no account. ``aws ec2 describe-vpcs``, ``describe-vpc-attribute``, ``describe-subnets``,
``describe-route-tables``, ``describe-security-groups``, ``describe-vpc-endpoints`` and ``describe-flow-logs`` print
every fact here.

Sources: "Give SageMaker AI Training Jobs Access to Resources in Your Amazon VPC" (default tenancy, DNS, endpoints),
"Gateway endpoints" (they serve the subnets of the route tables that they are associated with), AWS PrivateLink Guide,
read 2026-11-22.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Literal, Self

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.network.facts import ImportedCluster, ImportedGroup, ImportedSubnet, RouteTable
from constructs_lib.network.flow_logs import add_flow_logs
from constructs_lib.network.group import nodes_group
from constructs_lib.network.plan import Fabric, NetworkPlan, Place
from constructs_lib.network.purposes import endpoints_of
from constructs_lib.network.sizing import RESERVED, addresses, network_of
from constructs_lib.retention import LogDays
from ml_contract.errors import reject

_PREFIXES = ("com.amazonaws.", "cn.com.amazonaws.", "aws.sagemaker.")
"""Of names of services as they are printed; the region follows."""


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
    services: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")], ...]
    """Services that its interface endpoints reach with private DNS, by what follows ``com.amazonaws.<region>.``, for
    example ``("sts", "ecr.api")``; ``sagemaker.experiments`` for that of MLflow."""
    s3_route_tables: tuple[RouteTable, ...]
    """Route tables that the gateway endpoint of S3 is associated with; none where ``services`` has ``s3``."""
    log_days: LogDays | None
    """Days that flow logs made here are kept; None where the VPC's traffic is logged already."""
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
        names = [cluster.name for cluster in self.clusters]
        if len(set(names)) < len(names):
            reject("clusters", names, "each has its own name", "Rename one of them.")
        self._check_blocks()
        self._check_room()
        self._check_reach()
        return self

    def _check_blocks(self) -> None:
        blocks = [network_of(f"cidrs.{index}", cidr) for index, cidr in enumerate(self.cidrs)]
        zones = self.zones
        if len(set(zones)) < len(zones):
            reject("subnets", zones, "each zone has one subnet of jobs", "Remove one of the two.")
        found = self._all()
        ids = [subnet.id for subnet in found.values()]
        if len(set(ids)) < len(ids):
            reject("subnets", ids, "a subnet is named once", "Remove the repetition.")
        for field, subnet in found.items():
            if not any(subnet.block.subnet_of(block) for block in blocks):
                reject(f"{field}.cidr", subnet.cidr, f"the network has {', '.join(self.cidrs)}", "Correct the facts.")
        for (_, one), (field, other) in itertools.combinations(found.items(), 2):
            if one.block.overlaps(other.block):
                reject(f"{field}.cidr", other.cidr, f"it overlaps {one.cidr} of {one.id}", "Correct the facts.")
        for index, cluster in enumerate(self.clusters):
            if cluster.subnet.zone not in zones:
                reject(f"clusters.{index}.subnet.zone", cluster.subnet.zone, f"endpoints stand in {', '.join(zones)}",
                       "Name a subnet of jobs in that zone too.")  # fmt: skip

    def _check_room(self) -> None:
        for index, subnet in enumerate(self.subnets):
            if subnet.room < self._needed:
                reject(f"subnets.{index}.cidr", subnet.cidr, f"{self.nodes} nodes and their replacements take "
                       f"{self._needed} addresses and {subnet.room} are left",
                       "Take a larger subnet, or fewer nodes.")  # fmt: skip

    def _check_reach(self) -> None:
        for index, name in enumerate(self.services):
            short = next((name.removeprefix(each) for each in _PREFIXES if name.startswith(each)), None)
            if short is not None:
                end = short.partition(".")[2]
                shown = f"sagemaker.{end}" if name.startswith("aws.") else end
                reject(f"services.{index}", name, "a service is named by what follows its region", f'Write "{shown}".')
        if not self.closed:
            return
        missing = [one.service for one in endpoints_of(self.purposes) if one.service not in self.services]
        if missing:
            reject("services", self.services, "a subnet has no default route, and what runs there calls "
                   f"{', '.join(missing)} too",
                   "Make these endpoints in the VPC, or give every subnet a way out.")  # fmt: skip
        if "s3" in self.services:
            return
        for field, subnet in self._all().items():
            if subnet.default_route == "none" and subnet.route_table not in self.s3_route_tables:
                reject("s3_route_tables", self.s3_route_tables, f"{field} has no default route, and reads data and the "
                       f"layers of images through S3's gateway endpoint, which {subnet.route_table} does not have",
                       "Associate the endpoint with it, or give the subnet a way out.")  # fmt: skip

    def _all(self) -> dict[str, ImportedSubnet]:
        """Its subnets by their fields."""
        jobs = {f"subnets.{index}": subnet for index, subnet in enumerate(self.subnets)}
        return jobs | {f"clusters.{index}.subnet": cluster.subnet for index, cluster in enumerate(self.clusters)}

    @property
    def _shared(self) -> int:
        """Addresses in each subnet of jobs that are no node's; its endpoints are there already."""
        return sum(purpose.addresses for purpose in self.purposes)

    @property
    def _needed(self) -> int:
        return addresses(nodes=self.nodes, efa=self.efa, endpoints=self._shared) - RESERVED

    @property
    def closed(self) -> bool:
        return any(subnet.default_route == "none" for subnet in self._all().values())

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(subnet.zone for subnet in self.subnets)

    def bind(self, scope: Construct, removal: cdk.RemovalPolicy) -> Fabric:
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
        if self.log_days is not None:
            add_flow_logs(scope, vpc, self.log_days, removal)
        return Fabric(
            vpc=vpc,
            jobs=[
                _place(scope, one.zone, one, one.room - self._shared, one.room - self._needed) for one in self.subnets
            ],
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

"""A network that is made here: private subnets, endpoints, flow logs, and the way out that is asked for."""

from __future__ import annotations

from typing import Self

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct
from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.network.endpoints import Endpoint
from constructs_lib.network.flow_logs import add_flow_logs
from constructs_lib.network.group import nodes_group
from constructs_lib.network.layout import ClusterSubnet, Layout, lay_out
from constructs_lib.network.plan import Fabric, NetworkPlan, Place
from constructs_lib.network.policies import own_buckets_and, own_identities, own_roles_by_token
from constructs_lib.network.purposes import buckets_of, endpoints_of, written_by
from constructs_lib.network.sizing import RESERVED, addresses, subnet_prefix
from constructs_lib.network.way_out import Closed, Inside, WayOut
from constructs_lib.network.zones import Zone, check_zones
from constructs_lib.retention import LogDays
from ml_contract.errors import reject


class NetworkSettings(NetworkPlan):
    """A network of its own."""

    cidr: str
    """Block of the VPC, /16 to /28, for example ``10.20.0.0/16``; it must hold a subnet for all nodes in every zone."""
    availability_zones: tuple[Zone, ...] = Field(min_length=1, max_length=6)
    """Names of the zones, one private subnet each; given, because looking them up needs credentials."""
    log_days: LogDays
    """Days that flow logs are kept."""
    clusters: tuple[ClusterSubnet, ...] = ()
    """Subnets for nodes of clusters, each in the zone that has their capacity; none by default. Add new ones last:
    those before them stay where they are."""
    way_out: SerializeAsAny[WayOut] = Closed()
    """How it reaches what is outside: ``Closed()``, which is the default, ``Nat(…)`` or ``EgressVpc(…)``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.availability_zones)) != len(self.availability_zones):
            reject("availability_zones", self.availability_zones, "a zone may be named once", "Remove the repetition.")
        names = [cluster.name for cluster in self.clusters]
        if len(set(names)) < len(names):
            reject("clusters", names, "each has its own name", "Rename one of them.")
        for index, cluster in enumerate(self.clusters):
            if cluster.zone not in self.availability_zones:
                reject(f"clusters.{index}.zone", cluster.zone, "endpoints stand in "
                       f"{', '.join(self.availability_zones)}", "Take one of them, or add the zone.")  # fmt: skip
        if self.closed and not endpoints_of(self.purposes):
            names = [purpose.name for purpose in self.purposes]
            reject("purposes", names, "a closed network reaches nothing but its endpoints",
                   "Name what runs in it, such as JOBS.")  # fmt: skip
        blocks = (self.cidr, *map(str, self.layout.added))
        self.way_out.check(blocks=blocks, zones=self.availability_zones)
        return self

    @property
    def zones(self) -> tuple[str, ...]:
        return self.availability_zones

    @property
    def closed(self) -> bool:
        return self.way_out.closed

    @property
    def shared(self) -> int:
        """Addresses in each subnet of jobs that are no node's: endpoints, and what else the purposes bring."""
        return len(endpoints_of(self.purposes)) + sum(purpose.addresses for purpose in self.purposes)

    @property
    def _needed(self) -> int:
        return addresses(nodes=self.nodes, efa=self.efa, endpoints=self.shared)

    @property
    def prefix(self) -> int:
        """Length of the prefix of each subnet of jobs."""
        return subnet_prefix(cidr=self.cidr, subnets=len(self.availability_zones), nodes=self.nodes, efa=self.efa,
                             endpoints=self.shared)  # fmt: skip

    @property
    def layout(self) -> Layout:
        """Blocks of all subnets."""
        return lay_out(cidr=self.cidr, prefix=self.prefix, zones=len(self.availability_zones), clusters=self.clusters,
                       small=self.way_out.small_subnets)  # fmt: skip

    def bind(self, scope: Construct, removal: cdk.RemovalPolicy) -> Fabric:
        stack = cdk.Stack.of(scope)
        check_zones(stack, self.availability_zones)
        layout = self.layout
        vpc = self._vpc(scope)
        jobs = list(vpc.isolated_subnets if self.closed else vpc.private_subnets)
        places = [
            Place(name=zone, zone=zone, subnet=subnet, room=block.num_addresses - RESERVED - self.shared,
                  spare=block.num_addresses - self._needed)
            for zone, subnet, block in zip(self.availability_zones, jobs, layout.jobs, strict=True)
        ]  # fmt: skip
        clusters = self._clusters(scope, vpc, layout)
        for purpose in self.purposes:
            for name, value in purpose.subnet_tags.items():
                for subnet in jobs:
                    cdk.Tags.of(subnet).add(name, value, include_resource_types=[ec2.CfnSubnet.CFN_RESOURCE_TYPE_NAME])
        nodes = nodes_group(scope, vpc)
        self._add_endpoints(scope, vpc, jobs, [place.subnet for place in clusters.values()], layout)
        add_flow_logs(scope, vpc, self.log_days, removal)
        small = dict(zip(self.availability_zones, map(str, layout.small), strict=True)) if layout.small else {}
        subnets = [*jobs, *(place.subnet for place in clusters.values())]
        self.way_out.bind(Inside(scope=scope, vpc=vpc, subnets=subnets, small=small))
        return Fabric(vpc=vpc, jobs=places, clusters=clusters, nodes=nodes, closed=self.closed, made=(vpc,))

    def _vpc(self, scope: Construct) -> ec2.Vpc:
        return ec2.Vpc(
            scope,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(self.cidr),
            availability_zones=list(self.availability_zones),
            nat_gateways=0,
            # A way out brings its own gateway: CDK's would stand beside it.
            create_internet_gateway=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Private", subnet_type=self.way_out.subnet_type, cidr_mask=self.prefix)
            ],
            # Emptying the default group takes a Lambda with rights over every group of the VPC. Nothing here joins the
            # default group, and it lets only its own members in: the Lambda would be the greater risk.
            restrict_default_security_group=False,
        )

    def _clusters(self, scope: Construct, vpc: ec2.Vpc, layout: Layout) -> dict[str, Place]:
        found = {}
        for cluster, block in zip(self.clusters, layout.clusters, strict=True):
            subnet = ec2.PrivateSubnet(scope, f"{cluster.name}Nodes", vpc_id=vpc.vpc_id, cidr_block=str(block),
                                       availability_zone=cluster.zone, map_public_ip_on_launch=False)  # fmt: skip
            if cluster.cidr is not None:
                added = ec2.CfnVPCCidrBlock(subnet, "Block", vpc_id=vpc.vpc_id, cidr_block=cluster.cidr)
                subnet.node.find_child("Subnet").node.add_dependency(added)
            found[cluster.name] = Place(
                name=cluster.name,
                zone=cluster.zone,
                subnet=subnet,
                room=block.num_addresses - RESERVED - cluster.others,
                spare=block.num_addresses - cluster.needed + cluster.others,
            )
        return found

    def _add_endpoints(
        self,
        scope: Construct,
        vpc: ec2.Vpc,
        jobs: list[ec2.ISubnet],
        clusters: list[ec2.ISubnet],
        layout: Layout,
    ) -> None:
        stack = cdk.Stack.of(scope)
        selected = [ec2.SubnetSelection(subnets=[*jobs, *clusters])] if clusters else None
        storage = vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3, subnets=selected)
        for statement in own_buckets_and(stack, buckets_of(self.purposes), written_by(self.purposes)):
            storage.add_to_policy(statement)
        endpoints = endpoints_of(self.purposes)
        if not endpoints:
            return
        group = ec2.SecurityGroup(scope, "EndpointGroup", vpc=vpc, allow_all_outbound=False,
                                  description="Interface endpoints: HTTPS from this network")  # fmt: skip
        for block in (self.cidr, *map(str, layout.added)):
            group.add_ingress_rule(ec2.Peer.ipv4(block), ec2.Port.tcp(443), "HTTPS from this network")
        for endpoint in endpoints:
            # `open` would add the VPC's block as a second, unresolved rule beside the group's own.
            interface = vpc.add_interface_endpoint(
                endpoint.id,
                service=_service(endpoint, stack.region),
                security_groups=[group],
                open=False,
                private_dns_enabled=True,
                subnets=ec2.SubnetSelection(subnets=jobs),
            )
            for statement in own_identities(stack, endpoint.foreign):
                interface.add_to_policy(statement)
            if endpoint.service == "sts" and any(purpose.web_identity for purpose in self.purposes):
                interface.add_to_policy(own_roles_by_token(stack))


def _service(endpoint: Endpoint, region: str) -> ec2.IInterfaceVpcEndpointService:
    if endpoint.whole is None:
        return ec2.InterfaceVpcEndpointAwsService(endpoint.service)
    return ec2.InterfaceVpcEndpointService(endpoint.whole.format(region=region), 443)

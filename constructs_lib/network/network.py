"""A closed network: private subnets, no NAT, no internet gateway."""

from __future__ import annotations

from typing import Self

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.encryption import let_log_service_use
from constructs_lib.network.endpoints import ENDPOINTS
from constructs_lib.network.sizing import subnet_prefix
from constructs_lib.retention import RETENTION, LogDays
from constructs_lib.values import Value
from ml_contract.errors import reject


class NetworkSettings(Value):
    """A network for a number of nodes."""

    cidr: str
    """Block of the VPC, /16 to /28, for example ``10.20.0.0/16``; it must hold a subnet for all nodes in every zone."""
    availability_zones: tuple[str, ...] = Field(min_length=1, max_length=6)
    """Names of the zones, one private subnet each; given, because looking them up needs credentials."""
    nodes: int = Field(ge=1, le=6758)
    """Most nodes, training and serving together, that run at one time."""
    efa: bool
    """Whether nodes have Elastic Fabric Adapters: five addresses each instead of two."""
    log_days: LogDays
    """Days that flow logs are kept."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.availability_zones)) != len(self.availability_zones):
            reject("availability_zones", self.availability_zones, "a zone may be named once", "Remove the repetition.")
        assert self.prefix
        return self

    @property
    def prefix(self) -> int:
        """Length of the prefix of each subnet."""
        return subnet_prefix(cidr=self.cidr, subnets=len(self.availability_zones), nodes=self.nodes, efa=self.efa,
                             endpoints=len(ENDPOINTS))  # fmt: skip


class Network(Construct):
    """VPC, private subnets, the group of training nodes, endpoints and flow logs."""

    vpc: ec2.Vpc
    nodes: ec2.ISecurityGroup
    """Group of nodes that talk to each other, by EFA or TCP."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: NetworkSettings, removal: cdk.RemovalPolicy
    ) -> None:
        """Build the network.

        Args:
            scope: Parent; its stack or stage knows its zones (see :func:`know_availability_zones`).
            construct_id: Construct id.
            settings: Block, zones and nodes.
            removal: What happens to the flow logs and their key when the stack goes.
        """
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        _check_zones(stack, settings.availability_zones)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(settings.cidr),
            availability_zones=list(settings.availability_zones),
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Private", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=settings.prefix
                )
            ],
            # Emptying the default group takes a Lambda with rights over every group of the VPC. Nothing here joins the
            # default group, and it lets only its own members in: the Lambda would be the greater risk.
            restrict_default_security_group=False,
        )
        self.nodes = _nodes_group(self, self.vpc)
        self._add_endpoints(stack, settings)
        self._add_flow_logs(settings, removal)

    @property
    def subnets(self) -> list[ec2.ISubnet]:
        return self.vpc.isolated_subnets

    def _add_endpoints(self, stack: cdk.Stack, settings: NetworkSettings) -> None:
        storage = self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        for statement in _own_buckets_and_image_layers(stack):
            storage.add_to_policy(statement)
        group = ec2.SecurityGroup(self, "EndpointGroup", vpc=self.vpc, allow_all_outbound=False,
                                  description="Interface endpoints: HTTPS from this network")  # fmt: skip
        group.add_ingress_rule(ec2.Peer.ipv4(settings.cidr), ec2.Port.tcp(443), "HTTPS from this network")
        for endpoint in ENDPOINTS:
            # `open` would add the VPC's block as a second, unresolved rule beside the group's own.
            interface = self.vpc.add_interface_endpoint(
                endpoint.id,
                service=ec2.InterfaceVpcEndpointAwsService(endpoint.service),
                security_groups=[group],
                open=False,
                private_dns_enabled=True,
                subnets=ec2.SubnetSelection(subnets=self.subnets),
            )
            interface.add_to_policy(_own_identities(stack))

    def _add_flow_logs(self, settings: NetworkSettings, removal: cdk.RemovalPolicy) -> None:
        key = kms.Key(self, "FlowLogKey", enable_key_rotation=True, removal_policy=removal,
                      description="Flow logs of the network")  # fmt: skip
        let_log_service_use(key)
        group = logs.LogGroup(self, "FlowLogGroup", retention=RETENTION[settings.log_days], encryption_key=key,
                              removal_policy=removal)  # fmt: skip
        self.vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
                              traffic_type=ec2.FlowLogTrafficType.ALL)  # fmt: skip


def know_availability_zones(scope: cdk.Stage | cdk.Stack, zones: tuple[str, ...]) -> None:
    """Tell ``scope`` the zones of its account and region, so that synthesis needs no credentials.

    Args:
        scope: A stage or stack, before its first child: CDK takes context only then. One whose account and region are
            left to deployment needs nothing.
        zones: All zones that the networks below use.
    """
    key = _zones_key(scope.account, scope.region)
    if key and scope.node.try_get_context(key) is None:
        scope.node.set_context(key, list(zones))


def _check_zones(stack: cdk.Stack, zones: tuple[str, ...]) -> None:
    key = _zones_key(stack.account, stack.region)
    if key is None:
        return
    known = stack.node.try_get_context(key)
    if known is None:
        reject("availability_zones", zones, f"CDK would ask the account {stack.account} for its zones at synth",
               "Call know_availability_zones on the stage or stack before its first construct.")  # fmt: skip
    for zone in zones:
        if zone not in known:
            reject("availability_zones", zone, f"the context of the app knows {', '.join(known)}",
                   "Correct the zone, or the context.")  # fmt: skip


def _zones_key(account: str | None, region: str | None) -> str | None:
    if not account or not region or cdk.Token.is_unresolved(account) or cdk.Token.is_unresolved(region):
        return None
    return f"availability-zones:account={account}:region={region}"


def _nodes_group(scope: Construct, vpc: ec2.IVpc) -> ec2.ISecurityGroup:
    """The three rules of an EFA group, as L1: CDK's L2 drops or refuses one of them (aws-cdk #38558).

    Source: "Get started with EFA and NCCL", EC2 User Guide, read 2026-11: all traffic in from and out to the group
    itself, by its id; a route to 0.0.0.0/0 does not stand in for the rule to itself.
    """
    group = ec2.CfnSecurityGroup(
        scope,
        "NodesGroup",
        group_description="Nodes that exchange gradients: all traffic between members, by EFA or TCP",
        vpc_id=vpc.vpc_id,
        security_group_egress=[
            ec2.CfnSecurityGroup.EgressProperty(ip_protocol="-1", cidr_ip="0.0.0.0/0", description="Endpoints")
        ],
    )
    ec2.CfnSecurityGroupIngress(
        scope,
        "NodesFromNodes",
        group_id=group.attr_group_id,
        ip_protocol="-1",
        source_security_group_id=group.attr_group_id,
        description="From each other",
    )
    ec2.CfnSecurityGroupEgress(
        scope,
        "NodesToNodes",
        group_id=group.attr_group_id,
        ip_protocol="-1",
        destination_security_group_id=group.attr_group_id,
        description="To each other",
    )
    return ec2.SecurityGroup.from_security_group_id(scope, "Nodes", group.attr_group_id, mutable=False)


def _own_identities(stack: cdk.Stack) -> iam.PolicyStatement:
    return iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=["*"], resources=["*"],
                               conditions={"StringEquals": {"aws:PrincipalAccount": stack.account}})  # fmt: skip


def _own_buckets_and_image_layers(stack: cdk.Stack) -> list[iam.PolicyStatement]:
    """Source of the layers' bucket: "Amazon ECR interface VPC endpoints", ECR User Guide, read 2026-11."""
    layers = f"arn:{stack.partition}:s3:::prod-{stack.region}-starport-layer-bucket/*"
    return [
        iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=["s3:*"], resources=["*"],
                            conditions={"StringEquals": {"aws:ResourceAccount": stack.account}}),
        iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=["s3:GetObject"], resources=[layers]),
    ]  # fmt: skip

"""The control plane that HyperPod's instances join.

It is CloudFormation's own type and not CDK's construct: that one brings a Lambda with kubectl, its layer and an
administrator's entry, for manifests at deploy time, which nothing here needs.

Sources, read 2026-11-22: AWS::EKS::Cluster, CloudFormation; "Getting started with Amazon EKS support in SageMaker
HyperPod"; "View Amazon EKS networking requirements for VPC and subnets", "View Amazon EKS security group
requirements for clusters", "Encrypt Kubernetes secrets with KMS" and "Amazon EKS cluster IAM role", EKS User Guide.
"""

from __future__ import annotations

from typing import Literal, Self

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.encryption import let_log_service_use
from constructs_lib.hyperpod.eks import versions
from constructs_lib.hyperpod.eks.access import AccessEntry
from constructs_lib.hyperpod.eks.endpoint import Endpoint, PrivateEndpoint, RestrictedEndpoint
from constructs_lib.network import Network
from constructs_lib.retention import RETENTION, LogDays
from constructs_lib.training.roles import after_policies
from constructs_lib.values import Value
from ml_contract.errors import reject

__all__ = ["ControlPlane", "ControlPlaneSettings", "Endpoint", "PrivateEndpoint", "RestrictedEndpoint"]

LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
LEAST_ZONES = 2
WEBHOOK_PORTS = (443, 9443, 10250, 10251)
"""Of what the API server calls on nodes: kubelets (10250), webhooks of cert-manager (10250), of Kueue and of HyperPod's
operators (9443), of the metrics server (10251)."""


class ControlPlaneSettings(Value):
    """A control plane, as an environment holds it."""

    name: str = Field(pattern=r"^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$")
    """Name, which its log group has too; it cannot change."""
    version: str
    """Minor version of Kubernetes, for example ``1.35``."""
    support: Literal["STANDARD", "EXTENDED"]
    """What happens when EKS's standard support of the version ends: ``STANDARD`` upgrades the control plane by itself,
    ``EXTENDED`` keeps it and costs more an hour."""
    endpoint: Endpoint
    """Where the API answers."""
    access: tuple[AccessEntry, ...] = Field(min_length=1)
    """Who may use it: whoever deploys is nobody there."""
    log_days: LogDays
    """Days that the logs of the control plane are kept, all five kinds."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        versions.check_kubernetes(self.version)
        versions.check_support(self.version, self.support)
        principals = [entry.principal for entry in self.access]
        for principal in principals:
            if principals.count(principal) > 1:
                reject("access", principal, "a principal has one entry", "Leave the weaker one out.")
        if not any(entry.policy == "AmazonEKSClusterAdminPolicy" for entry in self.access):
            reject("access", [type(entry).__name__ for entry in self.access],
                   "nobody could install the charts that HyperPod needs", "Add an Administrator.")  # fmt: skip
        return self


class ControlPlane(Construct):
    """EKS without nodes, its role, key, log and rules; API authentication only."""

    resource: eks.CfnCluster
    key: kms.Key
    """Of what the API keeps, and of its log."""
    group: ec2.SecurityGroup
    """Group of the control plane's interfaces in the network."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: ControlPlaneSettings,
        network: Network,
        removal: cdk.RemovalPolicy,
    ) -> None:
        """Build the control plane.

        Args:
            scope: Parent, in a stack of its own: charts are installed between it and the HyperPod cluster.
            construct_id: Construct id.
            settings: Version, endpoint, people.
            network: Where the nodes will be; subnets in two zones at least.
            removal: What happens to cluster, key and log when the stack goes; kept, the cluster cannot be deleted.

        Raises:
            ContractError: The network has one zone.
        """
        super().__init__(scope, construct_id)
        self.settings, self._network = settings, network
        zones = {subnet.availability_zone for subnet in network.subnets}
        if len(zones) < LEAST_ZONES:
            reject("network.availability_zones", sorted(zones), "a control plane stands in two zones at least",
                   "Name a second zone: its subnet can stay without nodes.")  # fmt: skip
        self.key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=removal,
                           description=f"Objects and log of the EKS cluster {settings.name}")  # fmt: skip
        let_log_service_use(self.key)
        log = logs.LogGroup(self, "Log", log_group_name=f"/aws/eks/{settings.name}/cluster", encryption_key=self.key,
                            retention=RETENTION[settings.log_days], removal_policy=removal)  # fmt: skip
        self.role = self._role()
        self.group = self._group()
        self.resource = self._cluster(settings, removal)
        # EKS would make the group itself, without end and key.
        self.resource.node.add_dependency(log)
        after_policies(self.resource, self.role)
        for number, entry in enumerate(settings.access):
            eks.CfnAccessEntry(self, f"Access{number}", cluster_name=self.name, principal_arn=entry.principal,
                               type="STANDARD", access_policies=[entry.render()],
                               kubernetes_groups=list(entry.groups) or None)  # fmt: skip

    @property
    def name(self) -> str:
        """Name, as a reference: what has it comes after the cluster."""
        return self.resource.ref

    @property
    def arn(self) -> str:
        return self.resource.attr_arn

    def _role(self) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("eks.amazonaws.com", conditions={
                            "StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}}),
                        description="The EKS control plane: interfaces in the network, its key")  # fmt: skip
        # The service asks for this policy by name.
        role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name("AmazonEKSClusterPolicy"))
        self.key.grant(role, "kms:Encrypt", "kms:Decrypt", "kms:DescribeKey", "kms:ListGrants")
        return role

    def _group(self) -> ec2.SecurityGroup:
        """The two directions that nodes and API need; EKS adds a group of its own for what it calls."""
        group = ec2.SecurityGroup(self, "Group", vpc=self._network.vpc, allow_all_outbound=False,
                                  description="Interfaces of the EKS control plane")  # fmt: skip
        nodes = self._network.nodes.security_group_id
        group.add_ingress_rule(ec2.Peer.security_group_id(nodes), ec2.Port.tcp(443), "The API, from nodes")
        for port in WEBHOOK_PORTS:
            group.add_egress_rule(ec2.Peer.security_group_id(nodes), ec2.Port.tcp(port), "Kubelets and webhooks")
            ec2.CfnSecurityGroupIngress(
                self, f"NodesFromApi{port}", group_id=nodes, source_security_group_id=group.security_group_id,
                ip_protocol="tcp", from_port=port, to_port=port, description="Kubelets and webhooks, from the API",
            )  # fmt: skip
        return group

    def _cluster(self, settings: ControlPlaneSettings, removal: cdk.RemovalPolicy) -> eks.CfnCluster:
        kept = removal in (cdk.RemovalPolicy.RETAIN, cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        vpc = eks.CfnCluster.ResourcesVpcConfigProperty(
            subnet_ids=[subnet.subnet_id for subnet in self._network.subnets],
            security_group_ids=[self.group.security_group_id],
            **settings.endpoint.render(),
        )
        kinds = [eks.CfnCluster.LoggingTypeConfigProperty(type=kind) for kind in LOGS]
        cluster = eks.CfnCluster(
            self,
            "Resource",
            name=settings.name,
            version=settings.version,
            role_arn=self.role.role_arn,
            resources_vpc_config=vpc,
            access_config=eks.CfnCluster.AccessConfigProperty(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            # Add-ons come from EKS, with their versions, and not by themselves.
            bootstrap_self_managed_addons=False,
            deletion_protection=kept,
            encryption_config=[
                eks.CfnCluster.EncryptionConfigProperty(
                    provider=eks.CfnCluster.ProviderProperty(key_arn=self.key.key_arn), resources=["secrets"]
                )
            ],
            logging=eks.CfnCluster.LoggingProperty(
                cluster_logging=eks.CfnCluster.ClusterLoggingProperty(enabled_types=kinds)
            ),
            upgrade_policy=eks.CfnCluster.UpgradePolicyProperty(support_type=settings.support),
        )
        cluster.apply_removal_policy(removal)
        return cluster

"""A workspace of Amazon Managed Grafana: who gets in, from where, and what it may read.

Sources, read 2026-11-22: Amazon Managed Grafana User Guide: "Authenticate users", "Configure network access",
"Amazon Managed Grafana permissions and policies for AWS data sources" (CloudWatch: read actions without a resource).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_grafana as grafana
from aws_cdk import aws_iam as iam
from constructs import Construct
from pydantic import Field

from constructs_lib.observability.prometheus import MetricsWorkspace
from constructs_lib.values import Value

_CLOUDWATCH = (
    "cloudwatch:DescribeAlarmsForMetric",
    "cloudwatch:GetInsightRuleReport",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
)


class SignIn(Value):
    """How people prove who they are."""

    @abstractmethod
    def render(self) -> dict[str, Any]:
        """Properties of the workspace, by the names of CDK."""


class IdentityCenter(SignIn):
    """Through IAM Identity Center, which the organisation must have; who may do what is assigned there."""

    def render(self) -> dict[str, Any]:
        return {"authentication_providers": ["AWS_SSO"]}


class Saml(SignIn):
    """Through an identity provider of one's own."""

    metadata_url: str = Field(pattern=r"^https://")
    """Where the provider publishes its metadata."""
    role_attribute: str = Field(min_length=1, max_length=256)
    """Attribute of an assertion that holds a person's roles."""
    admins: tuple[str, ...] = Field(min_length=1)
    """Roles whose holders administrate."""
    editors: tuple[str, ...] = ()
    """Roles whose holders edit; all others look. None by default."""
    minutes: int = Field(default=480, ge=15, le=43200)
    """How long somebody stays signed in; a working day by default."""

    def render(self) -> dict[str, Any]:
        workspace = grafana.CfnWorkspace
        return {
            "authentication_providers": ["SAML"],
            "saml_configuration": workspace.SamlConfigurationProperty(
                idp_metadata=workspace.IdpMetadataProperty(url=self.metadata_url),
                assertion_attributes=workspace.AssertionAttributesProperty(role=self.role_attribute),
                role_values=workspace.RoleValuesProperty(admin=list(self.admins), editor=list(self.editors) or None),
                login_validity_duration=self.minutes,
            ),
        }


class Reach(Value):
    """From where the workspace's page can be opened, by whoever can sign in."""

    @abstractmethod
    def render(self) -> dict[str, Any]:
        """Properties of the workspace, by the names of CDK."""


class FromAnywhere(Reach):
    """From the internet."""

    def render(self) -> dict[str, Any]:
        return {}


class FromLists(Reach):
    """From addresses of customer-managed prefix lists, and from endpoints ``grafana-workspace`` of networks."""

    prefix_lists: tuple[str, ...] = Field(default=(), max_length=5)
    """Ids ``pl-…``; none by default: nobody from outside."""
    endpoints: tuple[str, ...] = Field(default=(), max_length=5)
    """Ids ``vpce-…``; none by default."""

    def render(self) -> dict[str, Any]:
        return {
            "network_access_control": grafana.CfnWorkspace.NetworkAccessControlProperty(
                prefix_list_ids=list(self.prefix_lists), vpce_ids=list(self.endpoints)
            )
        }


class GrafanaSettings(Value):
    """Grafana for an environment."""

    name: str = Field(pattern=r"^[a-zA-Z0-9-._~]{1,255}$")
    """Name that people see."""
    sign_in: SignIn
    """How people prove who they are."""
    reach: Reach
    """From where it can be opened."""
    version: str | None = Field(default=None, pattern=r"^[0-9]+\.[0-9]+$")
    """Version, for example ``10.4``; the service's own choice by default."""


class GrafanaWorkspace(Construct):
    """Workspace and role."""

    resource: grafana.CfnWorkspace
    role: iam.Role
    """What the workspace reads with."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: GrafanaSettings, prometheus: MetricsWorkspace
    ) -> None:
        """Build it.

        Args:
            scope: Parent.
            construct_id: Construct id.
            settings: Who gets in, and from where.
            prometheus: What it shows, beside CloudWatch's metrics.
        """
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        workspaces = f"arn:{stack.partition}:grafana:{stack.region}:{stack.account}:/workspaces/*"
        self.role = iam.Role(
            self,
            "Role",
            description="Grafana reads metrics",
            # The workspace has no id before its role exists.
            assumed_by=iam.ServicePrincipal(
                "grafana.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "StringLike": {"aws:SourceArn": workspaces},
                },
            ),
        )
        prometheus.grant_query(self.role)
        self.role.add_to_policy(iam.PolicyStatement(actions=list(_CLOUDWATCH), resources=["*"]))
        self.resource = grafana.CfnWorkspace(
            self,
            "Resource",
            name=settings.name,
            account_access_type="CURRENT_ACCOUNT",
            permission_type="CUSTOMER_MANAGED",
            role_arn=self.role.role_arn,
            data_sources=["PROMETHEUS", "CLOUDWATCH"],
            # What the role may read is all there is: nobody installs what would read more.
            plugin_admin_enabled=False,
            grafana_version=settings.version,
            **settings.sign_in.render(),
            **settings.reach.render(),
        )
        self.resource.node.add_dependency(self.role.node.find_child("DefaultPolicy"))

    @property
    def id(self) -> str:
        """Id of the workspace, ``g-…``."""
        return self.resource.attr_id

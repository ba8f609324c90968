"""A real-time endpoint of a registered model package."""

from __future__ import annotations

from typing import Self

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.network import Network
from constructs_lib.training.image import DeepLearningImage
from constructs_lib.training.location import Location
from constructs_lib.training.roles import (
    after_policies,
    grant_logs,
    grant_metrics,
    grant_network,
    grant_volumes,
    sagemaker_role,
)
from constructs_lib.values import Value
from ml_contract.instances import instance

VARIANT = "live"
"""Name of the one variant; it stays the same over all updates."""


class ServingResources(Value):
    """Instances behind an endpoint."""

    instance_type: str
    """Type of every instance, for example ``ml.g5.xlarge``."""
    instance_count: int = Field(ge=1, le=1000)
    """Number of instances, all billed as long as the endpoint exists."""
    start_seconds: int = Field(ge=60, le=3600)
    """Time for a container to load its model and answer its first health check."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        instance(self.instance_type)
        return self


class RegisteredEndpoint(Construct):
    """Model, endpoint configuration and endpoint of one model package, given at deploy time.

    Without a package there is a role and nothing else: the stack can be deployed before anything was trained. The
    configuration is immutable and has no name of its own, so an update makes a new one before the old one goes.
    """

    package: cdk.CfnParameter
    """The package's ARN; empty for no endpoint."""
    role: iam.Role
    """Role of the serving containers."""
    resource: sagemaker.CfnEndpoint

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        resources: ServingResources,
        network: Network,
        image: DeepLearningImage,
        models: Location,
        key: kms.IKey,
    ) -> None:
        """Build the endpoint.

        Args:
            scope: Parent.
            construct_id: Construct id.
            resources: Instances.
            network: Where the containers run.
            image: Image of the packages, for the role's right to pull it.
            models: Where the packages' archives lie.
            key: Key of the instances' volumes.
        """
        super().__init__(scope, construct_id)
        self.package = cdk.CfnParameter(
            self,
            "ModelPackageArn",
            type="String",
            default="",
            # Without this pattern a mistyped ARN would fail only when the model is created.
            allowed_pattern=r"^$|^arn:[a-z-]+:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/[A-Za-z0-9-]+/[0-9]+$",
            constraint_description="the ARN of a version in a model package group, or empty for no endpoint",
            description="Registered model package to serve; empty: no endpoint",
        )
        # Operators write this name.
        self.package.override_logical_id("ModelPackageArn")
        self.deployed = cdk.CfnCondition(
            self,
            "ModelPackageGiven",
            expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(self.package.value_as_string, "")),
        )
        self.deployed.override_logical_id("ModelPackageGiven")
        group = ec2.SecurityGroup(self, "Group", vpc=network.vpc, allow_all_outbound=False,
                                  description="Serving containers: HTTPS to endpoints")  # fmt: skip
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Endpoints of the network and S3")
        self.role = sagemaker_role(self, "Role", "Serving containers of one endpoint")
        image.grant_pull(self.role)
        models.grant_read(self.role)
        grant_network(self.role, network.subnets, group)
        local_storage = instance(resources.instance_type).has_local_storage
        if not local_storage:
            grant_volumes(self.role, key)
        grant_logs(self.role, "Endpoints/*")
        grant_metrics(self.role, "/aws/sagemaker/Endpoints")
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=self.role.role_arn,
            containers=[
                sagemaker.CfnModel.ContainerDefinitionProperty(model_package_name=self.package.value_as_string)
            ],
            vpc_config=sagemaker.CfnModel.VpcConfigProperty(
                security_group_ids=[group.security_group_id], subnets=[subnet.subnet_id for subnet in network.subnets]
            ),
        )
        after_policies(model, self.role)
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT,
                    model_name=model.attr_model_name,
                    instance_type=resources.instance_type,
                    initial_instance_count=resources.instance_count,
                    initial_variant_weight=1,
                    container_startup_health_check_timeout_in_seconds=resources.start_seconds,
                    model_data_download_timeout_in_seconds=resources.start_seconds,
                )
            ],
            # Types with local storage encrypt it by themselves and refuse a key (CreateEndpointConfig, KmsKeyId).
            kms_key_id=None if local_storage else key.key_arn,
        )
        self.resource = sagemaker.CfnEndpoint(self, "Endpoint", endpoint_config_name=config.attr_endpoint_config_name)
        for part in (model, config, self.resource):
            part.cfn_options.condition = self.deployed

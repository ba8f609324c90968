"""The endpoint of the byte-level language model."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from constructs_lib.network import Network
from constructs_lib.serving import RegisteredEndpoint
from constructs_lib.training import Location
from stacks.environment import Environment


class ServingStack(cdk.Stack):
    """Serves a registered package, once one is given."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        environment: Environment,
        network: Network,
        models: Location,
        key: kms.IKey,
        **options: Any,
    ) -> None:
        super().__init__(scope, id, **options)
        endpoint = RegisteredEndpoint(
            self,
            "Endpoint",
            resources=environment.serving.resources,
            network=network,
            image=environment.serving.image,
            models=models,
            key=key,
        )
        name = cdk.CfnOutput(self, "EndpointName", value=endpoint.resource.attr_endpoint_name,
                             description="The endpoint")  # fmt: skip
        name.condition = endpoint.deployed
        command = f"cdk deploy {self.node.path} --parameters {self.stack_name}:{endpoint.package.logical_id}=ARN"
        cdk.CfnOutput(self, "DeployCommand", value=command,
                      description="Serves a package: its ARN is in `aws sagemaker list-model-packages`")  # fmt: skip

"""The endpoint of a workload's registered models."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from constructs import Construct

from constructs_lib.network import Network
from constructs_lib.serving import Endpoint, PackageParameter
from constructs_lib.serving.models import RegisteredModel
from constructs_lib.serving.variants import RealTime
from constructs_lib.training import Location
from stacks.base import EnvironmentStack
from stacks.environment import Environment


class ServingStack(EnvironmentStack):
    """Serves a registered package, once one is given."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        network: Network,
        models: Location,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id, environment=environment)
        package = PackageParameter(self, "Package")
        image = environment.training(environment.serving.workload).packaging.image
        endpoint = Endpoint(
            self,
            "Endpoint",
            name=environment.stack_name(environment.serving.workload),
            variants=(
                RealTime(
                    model=RegisteredModel(package=package.arn, image=image, archives=models),
                    resources=environment.serving.resources,
                ),
            ),
            network=network,
            key=key,
            condition=package.given,
        )
        name = self.output("EndpointName", endpoint.resource.attr_endpoint_name, "The endpoint")
        name.condition = package.given
        command = f"cdk deploy {self.node.path} --parameters {self.stack_name}:{package.name}=ARN"
        self.output("DeployCommand", command, "Serves a package: its ARN is in `aws sagemaker list-model-packages`")

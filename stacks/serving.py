"""One endpoint of an environment."""

from __future__ import annotations

from constructs import Construct

from stacks.base import EnvironmentStack
from stacks.environment import Environment
from stacks.served import Platform, Served, ServedWorkload


class ServingStack(EnvironmentStack):
    """Serves one thing, in a stack of its own: an update of one endpoint touches no other."""

    def __init__(self, scope: Construct, *, environment: Environment, served: Served, platform: Platform) -> None:
        super().__init__(scope, f"Serving-{served.name}", environment=environment)
        self.endpoint = served.bind(self, platform, name=environment.endpoint_name(served.name))
        condition = self.endpoint.condition
        name = self.output("EndpointName", self.endpoint.resource.attr_endpoint_name, "The endpoint")
        if condition is not None:
            name.condition = condition
        if isinstance(served, ServedWorkload):
            command = f"cdk deploy {self.node.path} --parameters {self.stack_name}:ModelPackageArn=ARN"
            self.output("DeployCommand", command, "Serves a package: its ARN is in `aws sagemaker list-model-packages`")

"""One endpoint of an environment."""

from __future__ import annotations

from constructs import Construct

from stacks.base import EnvironmentStack
from stacks.environment import Environment
from stacks.served import Platform, Served


class ServingStack(EnvironmentStack):
    """Serves one thing, in a stack of its own: an update of one endpoint touches no other."""

    def __init__(self, scope: Construct, *, environment: Environment, served: Served, platform: Platform) -> None:
        super().__init__(scope, f"Serving-{served.name}", environment=environment, team=served.team)
        bound = served.bind(self, platform, name=environment.endpoint_name(served.name))
        self.endpoint = bound.endpoint
        self.starters = bound.starters
        """Roles that change the endpoint by themselves."""
        condition = self.endpoint.condition
        name = self.output("EndpointName", self.endpoint.resource.attr_endpoint_name, "The endpoint")
        if condition is not None:
            name.condition = condition
        for caller in served.callers:
            arn = caller.bind(self, self.endpoint).managed_policy_arn
            self.output(f"{caller.name.title().replace('-', '')}PolicyArn", arn, f"Lets {caller.name} ask the endpoint")
        for command in bound.commands:
            self.output(command.name, command.text, command.does)

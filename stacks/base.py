"""What all stacks share."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from stacks.environment import Environment


class EnvironmentStack(cdk.Stack):
    """A stack of one environment, named after it and protected as it says."""

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: Environment, team: str | None = None
    ) -> None:
        """Begin the stack.

        Args:
            scope: Stage.
            construct_id: Construct id, and the last part of the stack's name.
            environment: The environment.
            team: Who pays for what is in it; None: the environment's team.
        """
        super().__init__(
            scope,
            construct_id,
            stack_name=environment.stack_name(construct_id.lower()),
            termination_protection=environment.protected,
        )
        if team is not None:
            # Nearer than the stage's tags, and so in their place.
            for key, value in environment.cost_tags(team).items():
                cdk.Tags.of(self).add(key, value)

    def output(self, name: str, value: str, description: str) -> cdk.CfnOutput:
        """An output whose name is part of what operators rely on."""
        return cdk.CfnOutput(self, name, value=value, description=description)

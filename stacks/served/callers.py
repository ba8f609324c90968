"""Who may ask an endpoint, and for which of its models."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from pydantic import Field

from constructs_lib.serving import Endpoint
from constructs_lib.values import Value


class Caller(Value):
    """One application or team; a policy is made for it, to be attached to whatever role it has."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")
    """Part of the policy's construct and of the output that tells its ARN."""
    models: tuple[str, ...] | None
    """Models of a multi-model endpoint that it may name, for example ``("bytes-lm/*",)``; None where a request names no
    model, and then it may ask the endpoint as it is."""

    def bind(self, stack: cdk.Stack, endpoint: Endpoint) -> iam.ManagedPolicy:
        """Its policy: this endpoint, these models, nothing else.

        Raises:
            ContractError: The endpoint takes no names of models, or ``models`` is empty.
        """
        policy = iam.ManagedPolicy(stack, f"Caller-{self.name}", description=f"Lets {self.name} ask {endpoint.name}")
        endpoint.grant_invoke(policy, self.models)
        return policy

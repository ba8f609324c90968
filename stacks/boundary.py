"""The stack of what no role can pass."""

from __future__ import annotations

import json

from constructs import Construct

from constructs_lib.guardrails import Guardrails, PlatformBoundary, service_control_policy
from constructs_lib.network import Network
from constructs_lib.storage import Storage
from stacks.base import EnvironmentStack
from stacks.environment import Environment


class BoundaryStack(EnvironmentStack):
    """The boundary of the environment's roles; after network and storage, before everything that works in them.

    The template's metadata hold the service control policy: it belongs to the organisation's own account, and
    ``trainyard policies scp`` prints it from there.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        guardrails: Guardrails,
        network: Network,
        storage: Storage,
    ) -> None:
        super().__init__(scope, "Boundary", environment=environment)
        self.boundary = PlatformBoundary(self, "Boundary", guardrails=guardrails, network=network, key=storage.key)
        document = service_control_policy(
            guardrails,
            region=environment.region,
            account=environment.account,
            role_names=environment.stack_name("*"),
        )
        self.template_options.metadata = {"ServiceControlPolicy": json.dumps(document)}
        self.output("BoundaryArn", self.boundary.policy.managed_policy_arn, "Limits every role of the environment")

"""All stacks of one environment, wired by reference."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.network import know_availability_zones
from stacks.environment import Environment
from stacks.network import NetworkStack
from stacks.serving import ServingStack
from stacks.storage import StorageStack
from stacks.training import TrainingStack


class PlatformStage(cdk.Stage):
    """One environment. ``cdk deploy 'Dev/**'`` deploys it."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, environment.stage, env=environment.target)
        know_availability_zones(self, environment.network.availability_zones)
        shared = {"environment": environment, "termination_protection": environment.protected}
        self.network = NetworkStack(self, "Network", stack_name=environment.stack_name("network"), **shared)
        self.storage = StorageStack(self, "Storage", stack_name=environment.stack_name("storage"), **shared)
        network, storage = self.network.network, self.storage.storage
        # A weak reference would let these be replaced under the stacks that use them.
        for resource in (network.vpc, storage.key):
            cdk.CrossStackReferences.of(resource).produce(cdk.ReferenceStrength.STRONG)
        self.training = TrainingStack(self, "Training", stack_name=environment.stack_name("training"), network=network,
                                      storage=storage, **shared)  # fmt: skip
        self.serving = ServingStack(self, "Serving", stack_name=environment.stack_name("serving"), network=network,
                                    models=self.training.models, key=storage.key, **shared)  # fmt: skip

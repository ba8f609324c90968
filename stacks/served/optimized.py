"""Another form of a language model's weights."""

from __future__ import annotations

from constructs import Construct
from pydantic import Field, SerializeAsAny

from constructs_lib.retention import LogDays
from constructs_lib.serving.models import Engine
from constructs_lib.serving.optimization import Optimization, OptimizationJob, Technique
from constructs_lib.training import Location
from constructs_lib.values import Value
from ml_contract.errors import reject
from stacks.served.base import Platform


class Optimized(Value):
    """What an optimisation job makes of the weights, when somebody starts it, for the instances that serve them."""

    techniques: tuple[SerializeAsAny[Technique], ...] = Field(min_length=1, max_length=10)
    """What is done, at most one of each family."""
    max_run_seconds: int = Field(ge=3600, le=2419200)
    """After how long SageMaker ends the job; every second of it is billed."""
    log_days: LogDays
    """Days that the log of the executions is kept."""
    served: bool = False
    """Whether the result is what is served; by default the weights as they are, until an execution succeeded."""
    accept_eula: bool = False
    """Whether you accept the licence that the model demands; only models that demand one need it."""
    revision: str = Field(default="1", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """Another one runs the job again, for example when the weights were replaced."""

    def check(self, engine: Engine, instance_types: tuple[str, ...]) -> None:
        """Refuse a result that what serves cannot take.

        Raises:
            ContractError: The instances are of several types, or the engine runs no such result.
        """
        if len(instance_types) > 1:
            reject("resources.fallbacks", instance_types[1], "an optimised model is made for one type of instance",
                   "Leave fallbacks out, or optimized.")  # fmt: skip
        for technique in self.techniques:
            if engine.name not in technique.engines:
                reject("optimized.techniques", type(technique).__name__, f"{engine.name} runs no such result",
                       f"Its results are for {' and '.join(sorted(technique.engines))}.")  # fmt: skip

    def bind(
        self, scope: Construct, platform: Platform, *, name: str, weights: Location, instance_type: str
    ) -> OptimizationJob:
        """Make what runs the job.

        Args:
            scope: The stack.
            platform: What the environment has.
            name: Short name of the endpoint.
            weights: The weights as they are.
            instance_type: What will serve the result.
        """
        optimization = Optimization(
            name=name, source=weights, accept_eula=self.accept_eula, instance_type=instance_type,
            techniques=self.techniques, max_run_seconds=self.max_run_seconds, revision=self.revision,
        )  # fmt: skip
        return OptimizationJob(
            scope, "Optimized", optimization=optimization, network=platform.network, key=platform.storage.key,
            output=Location(bucket=platform.storage.artifacts, prefix=f"optimized/{name}"), log_days=self.log_days,
        )  # fmt: skip

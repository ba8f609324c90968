"""Where a training job's instances come from: on demand, spot, or kept warm.

Sources, read 2026-11-21: CreateTrainingJob (API reference); "Use Managed Spot Training"; "Train Using SageMaker
Managed Warm Pools".
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.training.checkpoint import Checkpoint
from constructs_lib.values import Value
from ml_contract.errors import reject

LONGEST_RUN_S = 28 * 24 * 3600
LONGEST_WARM_S = 21600


class Capacity(Value):
    """A way to get instances."""

    max_run_seconds: int = Field(ge=1, le=LONGEST_RUN_S)
    """Time that the job may run, at most 28 days; then it is stopped with 120 s of warning."""

    def bind(self, checkpoint: Checkpoint | None) -> dict[str, Any]:
        """Fields of the training request.

        Raises:
            ContractError: The capacity needs a checkpoint and there is none.
        """
        raise NotImplementedError

    def resources(self) -> dict[str, Any]:
        """Further fields of the request's ResourceConfig."""
        return {}


class OnDemandCapacity(Capacity):
    """Instances at the list price, kept until the job ends."""

    def bind(self, checkpoint: Checkpoint | None) -> dict[str, Any]:  # noqa: ARG002
        return {"EnableManagedSpotTraining": False, "StoppingCondition": {"MaxRuntimeInSeconds": self.max_run_seconds}}


class SpotCapacity(Capacity):
    """Spare instances, which may be reclaimed: the job restarts from its checkpoint."""

    max_wait_seconds: int = Field(ge=1, le=LONGEST_RUN_S)
    """Time for waiting, running and restarting together; at least ``max_run_seconds``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max_wait_seconds < self.max_run_seconds:
            reject("max_wait_seconds", self.max_wait_seconds,
                   f"it includes the run and so is at least max_run_seconds ({self.max_run_seconds})",
                   "Raise it, with room for restarts.")  # fmt: skip
        return self

    def bind(self, checkpoint: Checkpoint | None) -> dict[str, Any]:
        if checkpoint is None:
            reject("checkpoint", None, "a job on spot capacity without a checkpoint starts from nothing when reclaimed",
                   "Give the step a checkpoint or take OnDemandCapacity.")  # fmt: skip
        stopping = {"MaxRuntimeInSeconds": self.max_run_seconds, "MaxWaitTimeInSeconds": self.max_wait_seconds}
        return {"EnableManagedSpotTraining": True, "StoppingCondition": stopping}


class WarmPool(Capacity):
    """On-demand instances that stay for the next job of the same role, type, count, volume and network.

    The default quota of warm instances is 0: ask for one before the first job.
    """

    keep_alive_seconds: int = Field(ge=1, le=LONGEST_WARM_S)
    """Time that idle instances are kept, and paid."""

    def bind(self, checkpoint: Checkpoint | None) -> dict[str, Any]:  # noqa: ARG002
        return {"EnableManagedSpotTraining": False, "StoppingCondition": {"MaxRuntimeInSeconds": self.max_run_seconds}}

    def resources(self) -> dict[str, Any]:
        return {"KeepAlivePeriodInSeconds": self.keep_alive_seconds}

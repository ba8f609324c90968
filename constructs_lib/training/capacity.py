"""Where a training job's instances come from: on demand, spot, kept warm, or reserved by a plan.

Sources, read 2026-11-21: CreateTrainingJob (API reference: StoppingCondition, ResourceConfig); "Use Managed Spot
Training"; "SageMaker AI Managed Warm Pools"; "Reserve training plans for your training jobs or HyperPod clusters".
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.training.checkpoint import Checkpoint
from constructs_lib.training.instance_groups import HeterogeneousResources
from constructs_lib.training.instance_preferences import PLAN, PreferredResources
from constructs_lib.training.resources import JobResources
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.training.warm_pools import LONGEST_WARM_S

LONGEST_RUN_S = 28 * 24 * 3600
SHORTEST_PENDING_S = 1800


class Capacity(Value):
    """A way to get instances."""

    max_run_seconds: int = Field(ge=1, le=LONGEST_RUN_S)
    """Time that the job may run, over all its attempts, at most 28 days; then it is stopped with 120 s of warning."""
    max_pending_seconds: int | None = Field(default=None, ge=SHORTEST_PENDING_S, le=LONGEST_RUN_S)
    """Time that the job may wait for accelerated instances, 30 minutes to 28 days; SageMaker's own limit by default."""

    def bind(self, _checkpoint: Checkpoint | None, /) -> dict[str, Any]:
        """Fields of the training request.

        Raises:
            ContractError: The capacity needs a checkpoint and there is none.
        """
        return {"EnableManagedSpotTraining": False, "StoppingCondition": self._stopping()}

    def resources(self) -> dict[str, Any]:
        """Further fields of the request's ResourceConfig."""
        return {}

    def check(self, hosts: JobResources) -> None:
        """Hold the capacity against the hosts that it is for.

        Raises:
            ContractError: They cannot be had in this way.
        """
        if self.max_pending_seconds is not None and not hosts.is_accelerated:
            reject("capacity.max_pending_seconds", self.max_pending_seconds,
                   f"it has no effect on types without accelerators ({', '.join(hosts.types)})",
                   "Leave it out.")  # fmt: skip

    def _stopping(self) -> dict[str, int]:
        pending = {"MaxPendingTimeInSeconds": self.max_pending_seconds} if self.max_pending_seconds else {}
        return {"MaxRuntimeInSeconds": self.max_run_seconds, **pending}


class OnDemandCapacity(Capacity):
    """Instances at the list price, kept until the job ends."""


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

    def bind(self, checkpoint: Checkpoint | None, /) -> dict[str, Any]:
        if checkpoint is None:
            reject("checkpoint", None, "a job on spot capacity without a checkpoint starts from nothing when reclaimed",
                   "Give the step a checkpoint or take OnDemandCapacity.")  # fmt: skip
        stopping = {**self._stopping(), "MaxWaitTimeInSeconds": self.max_wait_seconds}
        return {"EnableManagedSpotTraining": True, "StoppingCondition": stopping}

    def check(self, hosts: JobResources) -> None:
        super().check(hosts)
        if isinstance(hosts, PreferredResources):
            reject("resources", "PreferredResources", "preferences are for on-demand instances and training plans",
                   "Take TrainingResources, or OnDemandCapacity.")  # fmt: skip


class WarmPool(Capacity):
    """On-demand instances that stay for the next job of the same role, type, count, volume and network.

    The default quota of warm instances is 0: ask for one before the first job. What a job writes to
    /opt/ml/sagemaker/warmpoolcache, the next one finds.
    """

    keep_alive_seconds: int = Field(ge=1, le=LONGEST_WARM_S)
    """Time that idle instances are kept, and paid."""

    def resources(self) -> dict[str, Any]:
        return {"KeepAlivePeriodInSeconds": self.keep_alive_seconds}

    def check(self, hosts: JobResources) -> None:
        super().check(hosts)
        if isinstance(hosts, HeterogeneousResources):
            reject("resources", "HeterogeneousResources", "a warm pool keeps instances of one type only",
                   "Take TrainingResources, or OnDemandCapacity.")  # fmt: skip


class TrainingPlan(Capacity):
    """Instances that a training plan has reserved."""

    plan: str = Field(pattern=PLAN)
    """ARN of the plan, whose target is training jobs and whose type is that of the hosts."""

    def resources(self) -> dict[str, Any]:
        return {"TrainingPlanArn": self.plan}

    def check(self, hosts: JobResources) -> None:
        super().check(hosts)
        if isinstance(hosts, PreferredResources) and any(found.training_plan for found in hosts.preferences):
            reject("capacity.plan", self.plan, "a preference names a plan of its own",
                   "Name plans in the preferences and take OnDemandCapacity.")  # fmt: skip

"""Updates that bring up a whole new fleet beside the old one, and differ in how traffic moves to it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

from aws_cdk import aws_sagemaker as sagemaker
from pydantic import Field, model_validator

from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.rollout.alarms import RollbackAlarms
from constructs_lib.serving.rollout.base import LONGEST_WAIT, Rollout, check_bake, check_share
from constructs_lib.serving.rollout.sizes import INSTANCES, Percent, Size, steps
from ml_contract.errors import reject

_Endpoint = sagemaker.CfnEndpoint


class BlueGreen(Rollout):
    """Two fleets for the time of the update: twice the instances are billed until the old one goes."""

    termination_wait_seconds: int = Field(default=0, ge=0, le=LONGEST_WAIT)
    """How long the old fleet stays once the new one has all traffic; it goes at once by default."""

    @abstractmethod
    def routing(self) -> dict[str, Any]:
        """How traffic moves, by CDK's names."""

    def policy(self) -> dict[str, Any]:
        return {
            "blue_green_update_policy": _Endpoint.BlueGreenUpdatePolicyProperty(
                maximum_execution_timeout_in_seconds=self.timeout_seconds,
                termination_wait_in_seconds=self.termination_wait_seconds,
                traffic_routing_configuration=_Endpoint.TrafficRoutingConfigProperty(**self.routing()),
            )
        }


class AllAtOnce(BlueGreen):
    """All traffic moves at one moment."""

    alarms: RollbackAlarms | None = None
    """What takes the update back while it bakes; nothing by default."""
    bake_seconds: int = Field(default=0, ge=0, le=LONGEST_WAIT)
    """How long the new fleet is watched before the update counts as done; not at all by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.bake_seconds and self.alarms is None:
            reject("bake_seconds", self.bake_seconds, "without alarms nothing is watched while it bakes",
                   "Give alarms, or bake_seconds=0.")  # fmt: skip
        check_bake(self.alarms, self.bake_seconds)
        return self

    def _refuse_guards(self, field: str, value: str, rule: str) -> None:
        if self.alarms or self.termination_wait_seconds:
            super()._refuse_guards(field, value, rule)

    def waits(self, _instances: int | None, /) -> int | None:
        return self.bake_seconds + self.termination_wait_seconds

    def routing(self) -> dict[str, Any]:
        return {"type": "ALL_AT_ONCE", "wait_interval_in_seconds": self.bake_seconds}


class Canary(BlueGreen):
    """A small part of the traffic moves first, and the rest if no alarm is raised."""

    alarms: RollbackAlarms
    """What takes the update back."""
    size: Size
    """Part that moves first, at most 50 % of each variant."""
    bake_seconds: int = Field(ge=1, le=LONGEST_WAIT)
    """How long each of the two parts is watched."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_share("size", self.size, 1, 50, None)
        check_bake(self.alarms, self.bake_seconds)
        return self

    def waits(self, _instances: int | None, /) -> int | None:
        return 2 * self.bake_seconds + self.termination_wait_seconds

    def check(self, hosted: Sequence[Hosted]) -> None:
        super().check(hosted)
        for one in hosted:
            check_share("rollout.size", self.size, 0 if isinstance(self.size, Percent) else 1, 50, one.instance_count)

    def routing(self) -> dict[str, Any]:
        return {"type": "CANARY", "wait_interval_in_seconds": self.bake_seconds,
                "canary_size": _Endpoint.CapacitySizeProperty(**self.size.render(INSTANCES))}  # fmt: skip


class Linear(BlueGreen):
    """Traffic moves in equal steps, each of which is watched."""

    alarms: RollbackAlarms
    """What takes the update back."""
    size: Size
    """Part that moves in each step, 10–50 % of each variant."""
    bake_seconds: int = Field(ge=1, le=LONGEST_WAIT)
    """How long each step is watched."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_share("size", self.size, 10, 50, None)
        check_bake(self.alarms, self.bake_seconds)
        return self

    def waits(self, instances: int | None, /) -> int | None:
        count = steps(self.size, instances)
        return None if count is None else count * self.bake_seconds + self.termination_wait_seconds

    def check(self, hosted: Sequence[Hosted]) -> None:
        super().check(hosted)
        for one in hosted:
            check_share("rollout.size", self.size, 10, 50, one.instance_count)

    def routing(self) -> dict[str, Any]:
        return {"type": "LINEAR", "wait_interval_in_seconds": self.bake_seconds,
                "linear_step_size": _Endpoint.CapacitySizeProperty(**self.size.render(INSTANCES))}  # fmt: skip

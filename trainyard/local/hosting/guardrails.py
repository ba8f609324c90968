"""DeploymentConfig: how an update shifts requests to what is new, and which alarms take it back.

Rules: DeploymentConfig and the types below it (SageMaker API reference); "Deployment guardrails for updating models in
production", prerequisites and exclusions (SageMaker developer guide); both read 2026-11.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainyard.local.api.errors import invalid
from trainyard.local.hosting.plan import Plan

_CANARY_PERCENT = (1, 50)
_LINEAR_PERCENT = (10, 50)
_BATCH_PERCENT = (5, 50)
_ROLLBACK_PERCENT = (5, 100)
_SIZES = {"CANARY": ("CanarySize", _CANARY_PERCENT), "LINEAR": ("LinearStepSize", _LINEAR_PERCENT)}


@dataclass(frozen=True, kw_only=True)
class Guardrails:
    """A checked DeploymentConfig; without one, all requests go to the new fleet when it is healthy."""

    alarms: Sequence[str] = ()
    """Names of the CloudWatch alarms of which any one takes the update back."""
    step: Mapping[str, Any] | None = None
    """CapacitySize of the first step (canary) or of each (linear); None: everything at once."""
    linear: bool = False
    """Whether every step is as large as the first; else the second is the rest."""
    batch: Mapping[str, Any] | None = None
    """CapacitySize of a batch of a rolling update; None: blue/green."""
    rollback_batch: Mapping[str, Any] | None = None
    """CapacitySize of a batch on the way back of a rolling update; None: all at once."""
    wait_seconds: float = 0.0
    """Time after each step, or batch, in which the alarms are watched."""
    termination_seconds: float = 0.0
    """Further time after the last step before the old fleet ends."""
    timeout_seconds: float = math.inf
    """Longest time of the whole update."""

    def shares(self, total: int) -> list[float]:
        """Parts of the requests that the new fleet gets, step by step, up to 1.

        Args:
            total: instances of the new fleet.
        """
        if self.step is None:
            return [1.0]
        first = _part(self.step, total)
        if not self.linear:
            return [first, 1.0]
        return [min(1.0, first * number) for number in range(1, math.ceil(1 / first - 1e-9) + 1)]


def instances(size: Mapping[str, Any] | None, total: int) -> int:
    """Instances of a CapacitySize, at least one; all of them without one."""
    if size is None:
        return total
    if size["Type"] == "INSTANCE_COUNT":
        return min(total, int(size["Value"]))
    return max(1, total * int(size["Value"]) // 100)


def guardrails(document: Mapping[str, Any] | None) -> Guardrails:
    """A DeploymentConfig, checked as far as it can be without knowing what it is for.

    Raises:
        ServiceError: ValidationException, a rule is broken.
    """
    config = document or {}
    rolling, shifting = config.get("RollingUpdatePolicy"), config.get("BlueGreenUpdatePolicy")
    if rolling and shifting:
        raise invalid("DeploymentConfig: BlueGreenUpdatePolicy and RollingUpdatePolicy exclude each other. Give one.")
    alarms = tuple(alarm["AlarmName"] for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", []))
    if rolling:
        return Guardrails(
            alarms=alarms,
            batch=rolling["MaximumBatchSize"],
            rollback_batch=rolling.get("RollbackMaximumBatchSize"),
            wait_seconds=rolling["WaitIntervalInSeconds"],
            timeout_seconds=rolling.get("MaximumExecutionTimeoutInSeconds", math.inf),
        )
    if not shifting:
        return Guardrails(alarms=alarms)
    routing = shifting["TrafficRoutingConfiguration"]
    field = "DeploymentConfig.BlueGreenUpdatePolicy.TrafficRoutingConfiguration"
    wanted = _SIZES.get(routing["Type"], ("", ()))[0]
    for member, _ in _SIZES.values():
        if (member in routing) != (member == wanted):
            verb = "is missing" if member == wanted else "does not belong to it"
            raise invalid(f"{field}.{member}: Type is {routing['Type']}, and {member} {verb}. Change the one or other.")
    return Guardrails(
        alarms=alarms,
        step=routing.get(wanted),
        linear=routing["Type"] == "LINEAR",
        wait_seconds=routing["WaitIntervalInSeconds"],
        termination_seconds=shifting.get("TerminationWaitInSeconds", 0),
        timeout_seconds=shifting.get("MaximumExecutionTimeoutInSeconds", math.inf),
    )


def check_update(guard: Guardrails, before: Plan, after: Plan) -> None:
    """Refuses an update that guardrails cannot guard.

    Raises:
        ServiceError: ValidationException, a rule is broken.
    """
    if guard == Guardrails():
        return
    old, new = ({variant.name for variant in plan.variants} for plan in (before, after))
    if old != new:
        raise invalid(
            f"DeploymentConfig: the endpoint's variants are {', '.join(sorted(old))}, those of the new configuration "
            f"{', '.join(sorted(new))}, but guardrails need the same names. Rename them, or leave DeploymentConfig out."
        )
    check_fleet(guard, after)


def check_fleet(guard: Guardrails, plan: Plan) -> None:
    """Refuses guardrails that a fleet cannot have.

    Raises:
        ServiceError: ValidationException, a rule is broken.
    """
    if guard == Guardrails():
        return
    for variant in plan.variants:
        if (variant.instance_type or "").startswith("ml.inf1."):
            raise invalid(
                f"DeploymentConfig: the variant {variant.name} is on {variant.instance_type}, but guardrails exclude "
                "Inf1. Leave DeploymentConfig out."
            )
    total = sum(variant.count for variant in plan.variants)
    blue_green = "DeploymentConfig.BlueGreenUpdatePolicy.TrafficRoutingConfiguration"
    if guard.step is not None:
        member, limits = _SIZES["LINEAR" if guard.linear else "CANARY"]
        _check_size(guard.step, total, f"{blue_green}.{member}", limits)
    if guard.batch is not None:
        if len(plan.variants) > 1:
            raise invalid(
                f"DeploymentConfig.RollingUpdatePolicy: the configuration has {len(plan.variants)} variants, but a "
                "rolling update excludes several. Use BlueGreenUpdatePolicy."
            )
        if plan.variants[0].serverless:
            raise invalid(
                "DeploymentConfig.RollingUpdatePolicy: the variant is serverless and has no instances to roll over. "
                "Use BlueGreenUpdatePolicy."
            )
        _check_size(guard.batch, total, "DeploymentConfig.RollingUpdatePolicy.MaximumBatchSize", _BATCH_PERCENT)
        if guard.rollback_batch is not None:
            field = "DeploymentConfig.RollingUpdatePolicy.RollbackMaximumBatchSize"
            _check_size(guard.rollback_batch, total, field, _ROLLBACK_PERCENT)
    waits = _waits(guard, total)
    if guard.timeout_seconds <= waits:
        raise invalid(
            f"DeploymentConfig: MaximumExecutionTimeoutInSeconds is {guard.timeout_seconds:.0f}, but the waits of all "
            f"steps are {waits:.0f} s. Give more than that."
        )


def _waits(guard: Guardrails, total: int) -> float:
    if guard.batch is not None:
        return guard.wait_seconds * math.ceil(total / instances(guard.batch, total))
    return guard.wait_seconds * len(guard.shares(total)) + guard.termination_seconds


def _part(size: Mapping[str, Any], total: int) -> float:
    return float(size["Value"]) / (total if size["Type"] == "INSTANCE_COUNT" else 100)


def _check_size(size: Mapping[str, Any], total: int, field: str, limits: Sequence[int]) -> None:
    low, high = limits
    percent = 100 * _part(size, total)
    if not low <= percent <= high:
        of = f" of {total} instances" if size["Type"] == "INSTANCE_COUNT" else " %"
        raise invalid(f"{field}.Value: got {size['Value']}{of}, but {low} to {high} % of the instances are wanted.")

"""Deployment configurations: their steps, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.api.errors import ServiceError
from trainyard.local.hosting.guardrails import check_fleet, check_update, guardrails, instances
from trainyard.local.hosting.plan import Plan, ServerlessPlan, VariantPlan

PERCENT, COUNT = "CAPACITY_PERCENT", "INSTANCE_COUNT"


def plan(*names: str, count: int = 4, instance_type: str = "ml.c5.xlarge", **changes: Any) -> Plan:
    shared: dict[str, Any] = dict.fromkeys(VariantPlan.__dataclass_fields__)
    variants = [
        VariantPlan(**{**shared, "name": name, "count": count, "instance_type": instance_type, **changes})
        for name in names or ("live",)
    ]
    return Plan(id="1", config="c", variants=variants)


def size(kind: str, value: int) -> dict[str, Any]:
    return {"Type": kind, "Value": value}


def shifting(kind: str, wait: int = 0, *, termination: int = 0, timeout: int = 0, **sizes: Any) -> dict[str, Any]:
    policy: dict[str, Any] = {
        "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **sizes},
        "TerminationWaitInSeconds": termination,
    }
    if timeout:
        policy["MaximumExecutionTimeoutInSeconds"] = timeout
    return {"BlueGreenUpdatePolicy": policy}


def rolling(batch: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": 0, **changes}}


@pytest.mark.parametrize(
    ("document", "shares"),
    [
        (None, [1.0]),
        (shifting("ALL_AT_ONCE"), [1.0]),
        (shifting("CANARY", CanarySize=size(PERCENT, 10)), [0.1, 1.0]),
        (shifting("CANARY", CanarySize=size(COUNT, 1)), [0.25, 1.0]),
        (shifting("LINEAR", LinearStepSize=size(PERCENT, 33)), [0.33, 0.66, 0.99, 1.0]),
        (shifting("LINEAR", LinearStepSize=size(COUNT, 2)), [0.5, 1.0]),
    ],
)
def test_shares_step_by_step(document: dict[str, Any] | None, shares: list[float]) -> None:
    assert guardrails(document).shares(4) == pytest.approx(shares)


@given(st.integers(10, 50), st.integers(1, 8))
def test_linear_steps_end_with_everything_and_none_is_larger_than_asked(percent: int, total: int) -> None:
    found = guardrails(shifting("LINEAR", LinearStepSize=size(PERCENT, percent))).shares(total)
    steps = [after - before for before, after in zip([0.0, *found], found, strict=False)]
    assert found[-1] == 1.0
    assert all(0 < step <= percent / 100 + 1e-9 for step in steps)


@given(st.integers(1, 100), st.integers(1, 8))
def test_a_batch_has_an_instance_and_never_more_than_there_are(value: int, total: int) -> None:
    assert 1 <= instances(size(PERCENT, value), total) <= total
    assert 1 <= instances(size(COUNT, value), total) <= total


@pytest.mark.parametrize(
    ("document", "refusal"),
    [
        (shifting("CANARY"), "CanarySize is missing"),
        (shifting("LINEAR", CanarySize=size(PERCENT, 10)), "CanarySize does not belong"),
        (shifting("ALL_AT_ONCE", LinearStepSize=size(PERCENT, 10)), "LinearStepSize does not belong"),
        (shifting("ALL_AT_ONCE") | rolling(size(PERCENT, 10)), "exclude each other"),
    ],
)
def test_documents_that_contradict_themselves(document: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ServiceError, match=refusal):
        guardrails(document)


@pytest.mark.parametrize(
    ("document", "fleet", "refusal"),
    [
        (shifting("CANARY", CanarySize=size(PERCENT, 51)), plan(), "got 51 %, but 1 to 50"),
        (shifting("CANARY", CanarySize=size(COUNT, 3)), plan(), "got 3 of 4 instances"),
        (shifting("LINEAR", LinearStepSize=size(PERCENT, 9)), plan(), "got 9 %, but 10 to 50"),
        (rolling(size(COUNT, 3)), plan(), "got 3 of 4 instances, but 5 to 50"),
        (rolling(size(PERCENT, 4)), plan(), "got 4 %"),
        (rolling(size(COUNT, 1)), plan("a", "b"), "excludes several"),
        (rolling(size(PERCENT, 50)), plan(serverless=ServerlessPlan(memory_mb=1024, concurrency=1)), "is serverless"),
        (rolling(size(COUNT, 1), RollbackMaximumBatchSize=size(COUNT, 5)), plan(), "RollbackMaximumBatchSize"),
        (shifting("ALL_AT_ONCE", 300, termination=300, timeout=600), plan(), "the waits of all steps are 600 s"),
        (
            shifting("LINEAR", 100, timeout=900, LinearStepSize=size(PERCENT, 10)),
            plan(),
            "the waits of all steps are 1000 s",
        ),
        (shifting("ALL_AT_ONCE", 1), plan(instance_type="ml.inf1.xlarge"), "exclude Inf1"),
    ],
)
def test_fleets_that_cannot_have_it(document: dict[str, Any], fleet: Plan, refusal: str) -> None:
    with pytest.raises(ServiceError, match=refusal):
        check_fleet(guardrails(document), fleet)


def test_guardrails_need_the_same_variants_and_a_plain_update_does_not() -> None:
    canary = shifting("CANARY", CanarySize=size(PERCENT, 10))
    with pytest.raises(ServiceError, match="guardrails need the same names"):
        check_update(guardrails(canary), plan("live"), plan("next"))
    check_update(guardrails(None), plan("live"), plan("next"))
    check_update(guardrails(canary), plan("live"), plan("live"))

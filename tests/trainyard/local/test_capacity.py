"""Shortages of instances: whom they hit, how long they last, and what an endpoint says of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainyard.local.api.errors import ServiceError
from trainyard.local.capacity import ShortageError, await_instances
from trainyard.local.faults import Fault, Faults
from trainyard.local.hosting.plan import VariantPlan
from trainyard.local.hosting.variant import Variant
from trainyard.local.jobs.cluster import selected


def short(**more: Any) -> Faults:
    faults = Faults()
    fault = Fault(id="f", kind="CapacityShortage", created=time.time(), **{"instance_type": "ml.g5.*"} | more)
    faults.inject(fault)
    return faults


def wait(faults: Faults, kind: str = "ml.g5.xlarge", **more: Any) -> None:
    await_instances(faults, [kind], **{"cancelled": lambda: False} | more)


def test_another_type_is_there_at_once() -> None:
    wait(short(), "ml.c5.xlarge")


def test_as_many_requests_fail_as_were_asked_for() -> None:
    faults = short(count=2)
    for _ in range(2):
        with pytest.raises(ShortageError, match=r"ml\.g5\.xlarge"):
            wait(faults)
    wait(faults)


def test_who_waits_says_so_once_and_goes_on_when_there_are_instances_again() -> None:
    faults, told = short(delay_seconds=60, restart_after_seconds=0.3), []
    began = time.monotonic()
    wait(faults, waits=lambda: told.append(1))
    assert 0.2 < time.monotonic() - began < 30
    assert told == [1]
    assert faults.shortage(["ml.g5.xlarge"]) is None


def test_a_shortage_that_is_taken_back_ends() -> None:
    faults = short(delay_seconds=60)
    waiting = threading.Thread(target=wait, args=(faults,), daemon=True)
    waiting.start()
    faults.clear()
    waiting.join(10)
    assert not waiting.is_alive()


@pytest.mark.parametrize("more", [{"cancelled": lambda: True}, {"latest": time.time()}])
def test_nobody_waits_longer_than_it_makes_sense(more: dict[str, Any]) -> None:
    faults = short(delay_seconds=60)
    if "latest" in more:
        with pytest.raises(ShortageError):
            wait(faults, **more)
    else:
        wait(faults, **more)


def scarce(*kinds: str) -> Callable[[str], bool]:
    return lambda kind: kind in kinds


@pytest.mark.parametrize(("without", "chosen"), [((), "a"), (("a",), "b"), (("a", "b"), "a")])
def test_of_preferences_the_first_that_is_there_is_taken(without: tuple[str, ...], chosen: str) -> None:
    resources = {"InstancePreferences": [{"InstanceType": "a", "InstanceCount": 1}, {"InstanceType": "b"}]}
    assert selected({**resources, "InstanceCount": 2}, scarce(*without))["SelectedInstanceType"] == chosen


@pytest.mark.parametrize(("component", "refused"), [("", True), ("copy", False)])
def test_instances_of_an_endpoint_are_wanted_and_copies_on_them_are_not(
    component: str, refused: bool, tmp_path: Path
) -> None:
    plan = VariantPlan(
        name="live", model="m", containers=(), direct=False, role="r", isolated=False, instance_type="ml.g5.xlarge",
        count=1, weight=1.0, routing="RANDOM", start_seconds=1.0, download_seconds=1.0, component=component,
    )  # fmt: skip
    context: Any = SimpleNamespace(faults=short(), minute_seconds=60.0)
    variant = Variant(context, "e", plan, tmp_path, lambda: None, "group")
    if refused:
        with pytest.raises(ServiceError, match="due to InsufficientInstanceCapacity error"):
            variant.grow(1)
    else:
        variant.grow(1)

"""Shortages of instances: whom they hit, how long they last, and what an endpoint says of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainyard.local import capacity
from trainyard.local.api.errors import ServiceError
from trainyard.local.capacity import ShortageError, await_instances
from trainyard.local.faults import Fault, Faults, fault, register
from trainyard.local.hosting.plan import VariantPlan
from trainyard.local.hosting.variant import Variant
from trainyard.local.jobs.cluster import selected


class Clock:
    """Moves when somebody sleeps."""

    BEGIN = 1_000_000.0

    def __init__(self) -> None:
        self.now = self.BEGIN

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Of shortages and of who waits."""
    made = Clock()
    for module in (capacity, fault, register):
        monkeypatch.setattr(module, "time", made)
    return made


def short(**more: Any) -> Faults:
    faults = Faults()
    given = {"created": time.time(), "instance_type": "ml.g5.*"} | more
    faults.inject(Fault(id="f", kind="CapacityShortage", **given))
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


def test_who_waits_says_so_once_and_goes_on_when_there_are_instances_again(clock: Clock) -> None:
    faults, told = short(created=clock.now, delay_seconds=60, restart_after_seconds=20), []
    wait(faults, waits=lambda: told.append(clock.now))
    assert told == [Clock.BEGIN]
    assert clock.now == pytest.approx(Clock.BEGIN + 20, abs=1)
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

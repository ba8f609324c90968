"""Rollouts step by step, over fleets that a test holds in its hands: every way forward, and every way back."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from trainyard.local.hosting import rollout
from trainyard.local.hosting.guardrails import Guardrails, guardrails
from trainyard.local.hosting.rollout import Rollout
from trainyard.local.update_alarms import Alarms

PERCENT, COUNT = "CAPACITY_PERCENT", "INSTANCE_COUNT"


class Fleet:
    """A deployment of one variant, which writes down what becomes of it."""

    def __init__(self, log: list[str], name: str, count: int) -> None:
        self._log, self._name, self._share = log, name, 0.0
        plan = SimpleNamespace(name="live", count=count)
        self.variants = [SimpleNamespace(plan=plan, replicas=[])]
        self.served, self.broken, self.fails = False, "", ""

    @property
    def share(self) -> float:
        return self._share

    @share.setter
    def share(self, value: float) -> None:
        if value != self._share:
            self._log.append(f"{value:.0%}")
        self._share = value

    @property
    def count(self) -> int:
        return len(self.variants[0].replicas)

    def start(self, counts: dict[str, int] | None = None) -> str:
        return self.broken or self.scale(counts or {"live": self.variants[0].plan.count})

    def scale(self, counts: dict[str, int]) -> str:
        self.variants[0].replicas = [object()] * counts["live"]
        self._log.append(f"{self._name} {self.count}")
        return ""

    def failure(self) -> str:
        return self.fails

    def become(self, phase: str) -> None:
        """Nobody looks."""


class World:
    """Two fleets, a clock that sleeping moves, and alarms that ring from a moment on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int = 4) -> None:
        self.log: list[str] = []
        self.blue, self.green = Fleet(self.log, "blue", count), Fleet(self.log, "green", count)
        self.blue.scale({"live": count})
        self.log.clear()
        self.now, self.rings_at, self.ended, self.reasons = 0.0, float("inf"), False, list[str]()
        self.describe: Callable[..., Any] = self._describe
        monkeypatch.setattr(rollout, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=self._sleep))

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _describe(self, AlarmNames: list[str], **_: Any) -> dict[str, Any]:
        state = "ALARM" if self.now >= self.rings_at else "OK"
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": state} for name in AlarmNames]}

    def run(self, guard: Guardrails) -> str:
        client = SimpleNamespace(describe_alarms=lambda **given: self.describe(**given))
        return Rollout(
            self.blue, self.green, guard, Alarms(lambda: client, guard.alarms),
            cancelled=lambda: self.ended, rolling_back=self.reasons.append,
        ).run()  # fmt: skip


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def shifting(kind: str, *, wait: int = 60, termination: int = 0, timeout: int = 3600, **sizes: Any) -> Guardrails:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": termination,
              "MaximumExecutionTimeoutInSeconds": timeout}  # fmt: skip
    rollback = {"Alarms": [{"AlarmName": "errors"}]}
    return guardrails({"BlueGreenUpdatePolicy": policy, "AutoRollbackConfiguration": rollback})


def rolling(batch: int, back: int | None = None) -> Guardrails:
    policy: dict[str, Any] = {"MaximumBatchSize": {"Type": COUNT, "Value": batch}, "WaitIntervalInSeconds": 60}
    if back:
        policy["RollbackMaximumBatchSize"] = {"Type": COUNT, "Value": back}
    rollback = {"Alarms": [{"AlarmName": "errors"}]}
    return guardrails({"RollingUpdatePolicy": policy, "AutoRollbackConfiguration": rollback})


CANARY = shifting("CANARY", CanarySize={"Type": PERCENT, "Value": 10})


@pytest.mark.parametrize(
    ("guard", "steps", "seconds"),
    [
        (Guardrails(), ["green 4", "100%"], 0),
        (shifting("ALL_AT_ONCE", termination=30), ["green 4", "100%"], 90),
        (CANARY, ["green 4", "10%", "100%"], 120),
        (shifting("LINEAR", LinearStepSize={"Type": COUNT, "Value": 2}), ["green 4", "50%", "100%"], 120),
        (rolling(2), ["green 2", "50%", "blue 2", "green 4", "100%", "blue 0"], 120),
        (rolling(1), ["green 1", "25%", "blue 3", "green 2", "50%", "blue 2", "green 3", "75%", "blue 1", "green 4",
                      "100%", "blue 0"], 240),
    ],
)  # fmt: skip
def test_forward(world: World, guard: Guardrails, steps: list[str], seconds: float) -> None:
    assert world.run(guard) == ""
    assert (world.log, world.now, world.reasons) == (steps, pytest.approx(seconds), [])


@pytest.mark.parametrize(
    ("guard", "rings_at", "steps"),
    [
        (CANARY, 0, []),
        (CANARY, 30, ["green 4", "10%", "0%"]),
        (CANARY, 90, ["green 4", "10%", "100%", "0%"]),
        (shifting("ALL_AT_ONCE", termination=60), 90, ["green 4", "100%", "0%"]),
        (rolling(2), 30, ["green 2", "50%", "0%"]),
        (rolling(2), 90, ["green 2", "50%", "blue 2", "green 4", "100%", "blue 4", "0%"]),
        (rolling(2, back=1), 90, ["green 2", "50%", "blue 2", "green 4", "100%", "blue 3", "25%", "blue 4", "0%"]),
    ],
)
def test_an_alarm_takes_it_back(world: World, guard: Guardrails, rings_at: float, steps: list[str]) -> None:
    world.rings_at = rings_at
    reason = world.run(guard)
    assert "Alarm list: [errors]" in reason
    assert (world.log, world.reasons) == (steps, [reason])
    assert (world.green.share, world.blue.count) == (0.0, 4)
    # Alarms are looked at every second or so: nothing goes on after one rings.
    assert world.now <= rings_at + 2


def test_a_fleet_that_does_not_start_gets_no_request(world: World) -> None:
    world.green.broken = "no model"
    assert world.run(CANARY) == "no model"
    assert (world.log, world.reasons) == ([], ["no model"])


def test_an_instance_that_fails_for_good_while_it_bakes_takes_it_back(world: World) -> None:
    guard = CANARY
    world.green.fails = "it crashed"
    assert world.run(guard) == "it crashed"
    assert world.log == ["green 4", "10%", "0%"]


def test_an_update_that_takes_too_long_is_taken_back(world: World) -> None:
    guard = shifting("ALL_AT_ONCE", wait=3600, timeout=600)
    assert "MaximumExecutionTimeoutInSeconds" in world.run(guard)
    assert world.log == ["green 4", "100%", "0%"]
    assert world.now == pytest.approx(600, abs=1)


def test_an_alarm_that_is_gone_takes_it_back(world: World) -> None:
    world.describe = lambda **_: {"MetricAlarms": []}
    assert world.run(CANARY) == "the alarm errors does not exist any more"


def test_an_end_in_the_middle_leaves_the_fleets_to_who_ends_them(world: World) -> None:
    def describe(**given: Any) -> Any:
        world.ended = world.now > 30
        return world._describe(**given)

    world.describe = describe
    assert world.run(CANARY)
    assert (world.log, world.reasons) == (["green 4", "10%"], [])

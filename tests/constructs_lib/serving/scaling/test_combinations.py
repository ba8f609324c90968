"""Limits and rules that do not go together are refused, each with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.serving.scaling import (
    Backlog,
    Cron,
    InvocationsPerCopy,
    InvocationsPerInstance,
    ProvisionedConcurrencyUtilization,
    Scaling,
    Scheduled,
    Step,
    StepScaling,
    WakeFromZero,
)

KEEP = InvocationsPerInstance(per_minute=70)


def steps(name: str = "Burst", change: int = 1, when: str = "above") -> StepScaling:
    return StepScaling(
        name=name, metric="CPUUtilization", statistic="Average", threshold=80, when=when,
        steps=(Step(lower=0, change=change) if when == "above" else Step(upper=0, change=change),),
    )  # fmt: skip


def night(minimum: int | None = None, maximum: int | None = None) -> Scheduled:
    return Scheduled(name="night", times=Cron(hour="22"), minimum=minimum, maximum=maximum)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"minimum": 5, "maximum": 2, "rules": (KEEP,)}, "Scaling.minimum: got 5, but it is at most maximum, 2"),
        ({"rules": (KEEP, InvocationsPerInstance(per_minute=5))}, "two rules hold the same metric"),
        ({"rules": (steps(), steps())}, "two rules have the same name"),
        ({"rules": (KEEP, steps(change=-1, when="below"))}, "its steps remove capacity while"),
        ({"minimum": 0, "rules": (InvocationsPerCopy(per_minute=1),)}, "so it never comes back. Add WakeFromZero"),
        ({"rules": (KEEP, night(minimum=0))}, "so it never comes back"),
        ({"rules": (KEEP, WakeFromZero())}, "so it would never act"),
        ({"minimum": 0, "rules": (WakeFromZero(),)}, "no rule ever removes capacity"),
        ({"minimum": 0, "rules": (Backlog(per_instance=1, disable_scale_in=True), WakeFromZero())},
         "no rule ever removes capacity"),
        ({"minimum": 0, "rules": (Backlog(per_instance=1), WakeFromZero(), WakeFromZero(add=2))},
         "two rules wake it"),
        ({"rules": (KEEP, night(minimum=9))}, "scaling.maximum is 4"),
        ({"minimum": 2, "rules": (KEEP, night(maximum=1))}, "scaling.minimum is 2"),
        ({"rules": ()}, "at least 1 items"),
    ],
)  # fmt: skip
def test_a_contradiction_is_refused_when_it_is_written(fields: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        Scaling(**{"minimum": 1, "maximum": 4, **fields})


@pytest.mark.parametrize(
    ("kind", "hosted", "scaling", "refusal"),
    [
        ("asynchronous", {"instance_type": "ml.t3.medium"}, {"rules": (Backlog(per_instance=1),)}, "burstable"),
        ("real-time", {"instance_count": 9}, {"rules": (KEEP,)}, "it begins with 9"),
        ("real-time", {}, {"minimum": 0, "rules": (KEEP, steps(change=-1, when="below"), WakeFromZero())}, "remove"),
        ("serverless", {"provisioned_concurrency": None},
         {"rules": (ProvisionedConcurrencyUtilization(share=0.5),)}, "it has none"),
        ("serverless", {"max_concurrency": 3},
         {"rules": (ProvisionedConcurrencyUtilization(share=0.5),)}, "max_concurrency is 3"),
        ("serverless", {"max_concurrency": 5},
         {"rules": (night(minimum=1, maximum=6),)}, "max_concurrency is 5"),
        ("serverless", {}, {"rules": (steps(),)}, "only provisioned concurrency scales"),
    ],
)  # fmt: skip
def test_what_does_not_fit_what_serves_is_refused_there(
    scene: Any, kind: str, hosted: dict[str, Any], scaling: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ValueError, match=refusal):
        Scaling(**{"minimum": 1, "maximum": 4, **scaling}).check(scene.hosted(kind, **hosted))


@pytest.mark.parametrize("kind", ["real-time", "multi-model"])
def test_a_variant_that_answers_at_once_keeps_an_instance(scene: Any, kind: str) -> None:
    scaling = Scaling(minimum=0, maximum=4, rules=(KEEP, WakeFromZero()))
    with pytest.raises(ValueError, match=r"it never has zero instances|cannot have less than 1"):
        scaling.check(scene.hosted(kind))


def test_a_schedule_may_not_empty_it_either(scene: Any) -> None:
    scaling = Scaling(minimum=1, maximum=4, rules=(Backlog(per_instance=1), night(minimum=0), WakeFromZero()))
    scaling.check(scene.hosted("asynchronous"))


def test_wrong_scaling_makes_no_resource(scene: Any) -> None:
    with pytest.raises(ValueError, match="only an asynchronous endpoint"):
        scene.bound(Scaling(minimum=1, maximum=2, rules=(Backlog(per_instance=1),)), scene.hosted())
    assert [child.node.id for child in scene.stack.node.children] == ["Endpoint"]

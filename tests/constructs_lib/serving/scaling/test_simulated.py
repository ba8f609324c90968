"""What the rules write, the operator's simulator reads: names, dimensions and intervals mean the same to both."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from constructs_lib.serving.scaling import (
    At,
    Backlog,
    ConcurrentRequests,
    Cron,
    GpuUtilization,
    InvocationsPerCopy,
    InvocationsPerInstance,
    ProvisionedConcurrencyUtilization,
    Rate,
    Scaling,
    Scheduled,
    Step,
    StepScaling,
    WakeFromZero,
)
from trainyard.scaling.deployed import of_template

BURST = StepScaling(name="Burst", metric="ModelLatency", statistic="Maximum", threshold=1e6, when="above",
                    steps=(Step(lower=0, upper=10, change=1), Step(lower=10, change=2)))  # fmt: skip
CLOCK = (
    Scheduled(name="day", times=Cron(hour="8", day="?", weekday="MON-FRI"), time_zone="Europe/Berlin", minimum=2),
    Scheduled(name="once", times=At(time=datetime(2027, 1, 1, 9)), maximum=3),
    Scheduled(name="often", times=Rate(every=2, unit="hour"), minimum=1),
)


@pytest.mark.parametrize(
    ("kind", "least", "rules"),
    [
        ("real-time", 1, (InvocationsPerInstance(per_minute=60), ConcurrentRequests(at_once=4),
                          GpuUtilization(percent=50), BURST, *CLOCK)),
        ("multi-model", 1, (InvocationsPerInstance(per_minute=60),)),
        ("asynchronous", 0, (Backlog(per_instance=5), WakeFromZero())),
        ("component", 0, (InvocationsPerCopy(per_minute=60), ConcurrentRequests(at_once=4),
                          GpuUtilization(percent=50), WakeFromZero())),
        ("serverless", 1, (ProvisionedConcurrencyUtilization(share=0.5), *CLOCK)),
    ],
)  # fmt: skip
def test_every_rule_is_understood(scene: Any, kind: str, least: int, rules: tuple[Any, ...]) -> None:
    Scaling(minimum=least, maximum=4, rules=rules).bind(scene.stack, scene.hosted(kind))
    (scaler,) = of_template({"Resources": scene.written()})
    assert (scaler.minimum, scaler.maximum) == (least, 4)
    read = len(scaler.tracking) + len(scaler.stepping) + len(scaler.scheduled)
    assert read == len(rules)

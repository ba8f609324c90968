"""Policies over traffic: the day of the cost table, starting instances, queues."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby

import pytest

from ml_contract.errors import ContractError
from tests.trainyard.scaling import documents as of
from trainyard.scaling.scaler import read_scaler
from trainyard.scaling.simulation import Assumptions, saved, simulate
from trainyard.scaling.trace import Trace, built_in_day

_PRICE = 0.828


def _trace(*requests: float) -> Trace:
    return Trace(begin=datetime(2026, 1, 5, tzinfo=UTC), requests=requests)


def test_the_day_costs_what_the_table_says() -> None:
    """6 h at 10, 12 h at 2, 6 h at 1 instances by schedule: 74.52 against 198.72, 62 % saved."""
    actions = [
        of.action(f"cron(0 {hour} * * ? *)", low=count, high=count, ScheduledActionName=f"At{hour}")
        for hour, count in ((0, 10), (6, 2), (18, 1))
    ]
    scaler = read_scaler(of.target(), [], actions)
    day = simulate(scaler, built_in_day(100), Assumptions(per_instance=100))
    cost, always_on = day.hours * _PRICE, day.always_on_hours * _PRICE
    assert (f"{cost:.2f}", f"{always_on:.2f}", f"{saved(cost, always_on):.1%}") == ("74.52", "198.72", "62.5%")


def test_target_tracking_comes_to_the_same_counts_a_quarter_of_an_hour_later() -> None:
    """15 low datapoints, then 2 instances, and again before 1: 90 h and what waiting costs."""
    day = simulate(read_scaler(of.target(), [of.tracking()]), built_in_day(100), Assumptions(per_instance=100))
    counts = [(count, len(list(group))) for count, group in groupby(minute.billed for minute in day.minutes)]
    assert counts == [(10, 6 * 60 + 15), (2, 12 * 60), (1, 6 * 60 - 15)]
    assert day.ideal_hours == pytest.approx(90)
    assert day.over == 0


def test_instances_serve_only_when_they_have_started() -> None:
    """Load doubles at minute 10; it is seen for 3 minutes, and the new instance takes 4."""
    scaler = read_scaler(of.target(), [of.tracking()])
    load = _trace(*[90.0] * 10, *[190.0] * 20)
    found = simulate(scaler, load, Assumptions(per_instance=100, start_seconds=240))
    assert [minute.active for minute in found.minutes[15:19]] == [1, 1, 2, 2]
    assert [minute.billed for minute in found.minutes[11:15]] == [1, 1, 2, 2], "paid from the start"
    assert found.over == pytest.approx(7 * 90)


def test_a_queue_without_instances_wakes_one_and_empties() -> None:
    """Asynchronous: from zero by HasBacklogWithoutCapacity, back to zero by the backlog of each instance."""
    backlog = {"MetricName": "ApproximateBacklogSizePerInstance", "Namespace": "AWS/SageMaker", "Statistic": "Average"}
    tracking = of.tracking(value=5)
    configuration = {"TargetValue": 5, "CustomizedMetricSpecification": backlog, "ScaleInCooldown": 0}
    tracking["TargetTrackingScalingPolicyConfiguration"] = configuration
    wake = of.steps("Wake", (0, None, 1), alarm="Asleep")
    alarm = of.alarm("Asleep", 1, MetricName="HasBacklogWithoutCapacity")
    scaler = read_scaler(of.target(0, 4), [tracking, wake], alarms=[alarm])
    found = simulate(scaler, _trace(30, *[0.0] * 60), Assumptions(per_instance=10, start_seconds=60, begin=0))
    assert (found.minutes[0].active, max(minute.active for minute in found.minutes), found.minutes[-1].active) == (
        0,
        1,
        0,
    )
    assert found.minutes[-1].backlog == 0
    assert found.over == 0, "who waits is not refused"


def test_high_resolution_metrics_act_within_half_a_minute() -> None:
    """Three datapoints of 10 s."""
    fast = of.tracking(value=2)
    kind = {"PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
    fast["TargetTrackingScalingPolicyConfiguration"] = {"TargetValue": 2, "PredefinedMetricSpecification": kind}
    load = _trace(*[600.0] * 3)
    found = simulate(read_scaler(of.target(), [fast]), load, Assumptions(per_instance=600, latency=0.4, begin=1))
    begin = load.begin.timestamp()
    assert [(each.time - begin, each.after) for each in found.activities] == [(30.0, 2)]


def test_busy_gpus_of_an_instance_add_up() -> None:
    """70 % of each of four is a target of 280: 850 requests a minute at 100 an instance need 13 at 70 %."""
    policy = of.tracking()
    metric = {"MetricName": "GPUUtilization", "Namespace": "/aws/sagemaker/Endpoints", "Statistic": "Average"}
    policy["TargetTrackingScalingPolicyConfiguration"] = {"TargetValue": 280, "CustomizedMetricSpecification": metric}
    load = _trace(*[850.0] * 4)
    found = simulate(read_scaler(of.target(1, 20), [policy]), load, Assumptions(per_instance=100, begin=9, gpus=4))
    assert [each.after for each in found.activities] == [13]
    with pytest.raises(ContractError, match="gpus"):
        simulate(read_scaler(of.target(1, 20), [policy]), load, Assumptions(per_instance=100))


def test_a_metric_that_requests_do_not_tell_is_refused() -> None:
    """DiskUtilization, for example."""
    policy = of.tracking()
    metric = {"MetricName": "DiskUtilization", "Namespace": "/aws/sagemaker/Endpoints", "Statistic": "Average"}
    policy["TargetTrackingScalingPolicyConfiguration"] = {"TargetValue": 5, "CustomizedMetricSpecification": metric}
    with pytest.raises(ContractError, match="DiskUtilization"):
        simulate(read_scaler(of.target(), [policy]), _trace(1), Assumptions(per_instance=1))


@pytest.mark.parametrize("bad", [{"per_instance": 0}, {"latency": -1}, {"start_seconds": -1}])
def test_assumptions_are_checked(bad: dict[str, float]) -> None:
    """Named as the command's options are."""
    with pytest.raises(ContractError, match=next(iter(bad)).replace("_", "-")):
        Assumptions(**({"per_instance": 1.0} | bad))

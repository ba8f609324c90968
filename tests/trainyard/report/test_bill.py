"""Instance-hours, prices, what is unknown."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.trainyard.report import scenes
from trainyard.report.bill import Item, Sum, hours_left_of_month, price_of, so_far, training_items

NOW = scenes.at(1000)


def items(**changes: Any) -> list[Item]:
    run = scenes.run()
    changed = dataclasses.replace(run, document={**run.document, **changes})
    return list(training_items(changed, scenes.PRICES, NOW))


def test_billed_are_the_seconds_of_every_instance_on_demand() -> None:
    """180 of 300 s of two instances: what spot saves are seconds, at the same price."""
    (item,) = items()
    assert item.hours == pytest.approx(2 * 180 / 3600)
    assert item.cost == pytest.approx(2 * 180 / 3600 * 0.115)
    assert item.projected == item.cost
    assert item.note == "spot saved 40%"


def test_a_running_job_is_projected_by_its_pace() -> None:
    """90 of 200 steps, a second each."""
    run = scenes.run(until=90)
    (item,) = training_items(run, scenes.PRICES, NOW)
    assert item.hours == pytest.approx(2 * (1000 - scenes.PREPARED) / 3600)
    assert item.more == pytest.approx(2 * 110 / 3600)
    assert "not billed yet" in item.note


def test_a_job_that_tells_no_steps_is_not_projected() -> None:
    run = scenes.run(until=90)
    (item,) = training_items(dataclasses.replace(run, hyperparameters={}), scenes.PRICES, NOW)
    assert item.more is None
    assert item.projected is None


def test_groups_are_billed_apart() -> None:
    groups = [{"InstanceType": "ml.m5.large", "InstanceCount": 1}, {"InstanceType": "ml.odd.large", "InstanceCount": 2}]
    known, unknown = items(ResourceConfig={"InstanceGroups": groups})
    assert known.cost is not None
    assert unknown.cost is None
    assert unknown.note.startswith("no price of ml.odd.large/training in us-east-1")


def test_a_plan_is_paid_in_advance_and_a_warm_pool_beside() -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "TrainingPlanArn": "arn:plan"}
    (item,) = items(ResourceConfig=resources, WarmPoolStatus={"ResourceRetainedBillableTimeInSeconds": 20})
    assert item.hours == pytest.approx(2 * 200 / 3600)
    assert item.cost is None
    assert "paid in advance" in item.note
    assert "20 s of them in a warm pool" in item.note


def test_what_is_unknown_is_never_nothing() -> None:
    known = Item(what="a", hours=1, more=0, price=scenes.PRICES.item("ml.m5.large/training"))
    unknown = Item(what="b", hours=1, more=0, price=None)
    assert str(so_far([known, unknown])) == "at least $0.115"
    assert str(so_far([unknown])) == "unknown"
    assert str(Sum(amount=0, unknown=0)) == "$0.00"


def test_another_use_s_price_is_said() -> None:
    price, note = price_of(scenes.PRICES, "ml.c5.xlarge", "processing")
    assert price is not None
    assert note == "processing is taken to cost what hosting does"


@pytest.mark.parametrize(
    ("now", "hours"), [(datetime(2026, 2, 28, 23, tzinfo=UTC), 1), (datetime(2026, 12, 31, 0, tzinfo=UTC), 24)]
)
def test_a_month_ends_where_it_ends(now: datetime, hours: float) -> None:
    assert hours_left_of_month(now) == hours

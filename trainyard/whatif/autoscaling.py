"""Autoscaling over a trace: what policies would be billed, against the peak all the time and the load itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ml_contract.checks import between
from trainyard.scaling.scaler import Scaler, read_scaler
from trainyard.scaling.simulation import Assumptions, Simulation, simulate
from trainyard.scaling.trace import Trace
from trainyard.whatif.answer import Answer, Table, hours, money
from trainyard.whatif.load import DailyLoad
from trainyard.whatif.price import HOURS_PER_MONTH, Price, saved


@dataclass(frozen=True, kw_only=True)
class Autoscaling:
    """The question."""

    trace: Trace
    price: Price
    per_instance: float
    """Requests a minute that one instance answers, and that target tracking keeps on each."""
    minimum: int
    maximum: int
    start_seconds: float
    """From a scale-out to its instances in service."""
    schedule: DailyLoad | None = None
    """Instances by the hour of the day, in UTC; None for no schedule."""
    hours_per_month: float = HOURS_PER_MONTH

    def __post_init__(self) -> None:
        between("per-instance", self.per_instance, 0, 1e9, open_low=True)
        between("minimum", self.minimum, 1, 10_000)
        between("maximum", self.maximum, self.minimum, 10_000)
        between("start", self.start_seconds, 0, 86400)
        between("hours-per-month", self.hours_per_month, 1, 744)

    @property
    def trace_hours(self) -> float:
        """Length of the trace."""
        return len(self.trace.requests) / 60


@dataclass(frozen=True, kw_only=True)
class Played:
    """One way to scale."""

    name: str
    instance_hours: float
    over: float | None
    """Requests beyond the capacity; None where they were not looked at."""


def tracking(question: Autoscaling) -> Scaler:
    """Target tracking on invocations per instance, with AWS's own cooldowns."""
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    policy = {
        "PolicyName": "target tracking",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": question.per_instance, "PredefinedMetricSpecification": metric,
        },
    }  # fmt: skip
    return read_scaler(_target(question.minimum, question.maximum), [policy])


def scheduled(question: Autoscaling, schedule: DailyLoad) -> Scaler:
    """Scheduled actions alone, each with as many instances as the hours from then on need."""
    actions, hour = [], 0.0
    for length, count in schedule.stretches:
        minute = round(hour * 60)
        actions.append({
            "ScheduledActionName": f"at-{minute}", "Schedule": f"cron({minute % 60} {minute // 60} * * ? *)",
            "ScalableTargetAction": {"MinCapacity": count, "MaxCapacity": count},
        })  # fmt: skip
        hour += length
    return read_scaler(_target(0, max(schedule.peak, question.maximum)), [], actions)


def _target(minimum: int, maximum: int) -> dict[str, Any]:
    return {"ResourceId": "endpoint/what-if/variant/AllTraffic", "MinCapacity": minimum, "MaxCapacity": maximum,
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}  # fmt: skip


def play(question: Autoscaling) -> tuple[Simulation, list[Played]]:
    """Target tracking simulated, and every way's instance-hours."""
    assumed = Assumptions(per_instance=question.per_instance, start_seconds=question.start_seconds)
    found = simulate(tracking(question), question.trace, assumed)

    def ways() -> Iterator[Played]:
        yield Played(name=f"always on, {max(found.ideal)}", instance_hours=found.always_on_hours, over=0.0)
        yield Played(name="target tracking", instance_hours=found.hours, over=found.over)
        if question.schedule is not None:
            timed = simulate(scheduled(question, question.schedule), question.trace, assumed)
            yield Played(name=f"schedule {question.schedule.text}", instance_hours=timed.hours, over=timed.over)
        yield Played(name="following the load at once", instance_hours=found.ideal_hours, over=0.0)

    return found, list(ways())


def answer(question: Autoscaling) -> Answer:
    """Instance-hours and cost of each way over the trace."""
    found, ways = play(question)
    always = ways[0].instance_hours * question.price.amount
    total = sum(question.trace.requests)
    monthly = question.hours_per_month / question.trace_hours if question.trace_hours else 0.0

    def row(way: Played) -> tuple[str, ...]:
        cost = way.instance_hours * question.price.amount
        over = "" if way.over is None else f"{way.over / total if total else 0:.2%}"
        return (way.name, f"{way.instance_hours:,.2f}", money(cost), f"{saved(cost, always):.0%}", over,
                money(cost * monthly))  # fmt: skip

    cost, span = found.hours * question.price.amount, question.trace_hours
    best = saved(found.ideal_hours, found.always_on_hours)
    finding = (f"Target tracking costs {money(cost)} over {span:g} hours against {money(always)} always on:"
               f" {saved(cost, always):.0%} saved, {best:.0%} where capacity followed the load at once.")  # fmt: skip
    columns = ("", "instance-hours", "cost", "saved", "requests over capacity", "a month")
    return Answer(
        title="Autoscaling over a trace", finding=finding,
        tables=(Table(title="The trace", columns=columns, rows=tuple(map(row, ways))),), prices=(question.price,),
        assumptions=(
            (f"one instance answers {question.per_instance:g} requests a minute (--per-instance);"
            f" {question.minimum} to {question.maximum} of them (--minimum, --maximum)"),
            f"a new instance serves after {hours(question.start_seconds)} and is billed from the start (--start)",
            f"a month is as the trace is, {question.hours_per_month:g} hours of it (--hours-per-month)",
        ),
        formulas=(("target tracking and schedules: Application Auto Scaling's rules, minute by minute"
                  " (trainyard/scaling)"),),
        data={"trace_hours": question.trace_hours, "requests": total,
              "ways": [{"name": way.name, "instance_hours": way.instance_hours,
                        "cost": way.instance_hours * question.price.amount,
                        "saved": saved(way.instance_hours, ways[0].instance_hours), "requests_over": way.over}
                       for way in ways]},
        figures=lambda: _figures(found),
    )  # fmt: skip


def _figures(found: Simulation) -> list[tuple[str, object]]:
    from trainyard.scaling.figure import figure

    drawn = figure(found)
    drawn.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        height=360,
        legend={"orientation": "h", "y": 1.03, "yanchor": "bottom"},
    )
    return [("Instances that target tracking asks for, over the requests of each minute.", drawn)]

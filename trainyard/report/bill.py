"""What was hired, for how long, and what that costs. A price that nobody knows is said, and never taken for nothing."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ml_contract import metrics
from ml_contract.errors import ContractError
from trainyard.cost.prices import Price, Prices, Usage
from trainyard.operations.training import TrainingRun


@dataclass(frozen=True, kw_only=True)
class Item:
    """Instances of one type, hired for one thing."""

    what: str
    """For people: ``Train: 2 × ml.m5.large, spot``."""
    hours: float
    """Instance-hours so far."""
    more: float | None
    """Instance-hours that will come: to the end of the run, for endpoints to the end of the month. None where nothing
    tells."""
    price: Price | None
    """Of an hour; None where the table has none."""
    note: str = ""
    """How the figures are to be read."""

    @property
    def cost(self) -> float | None:
        """So far, in the price's currency; None where the price is unknown."""
        return None if self.price is None else self.hours * self.price.hourly

    @property
    def projected(self) -> float | None:
        """At the end; None where the price or the time is unknown."""
        return None if self.price is None or self.more is None else (self.hours + self.more) * self.price.hourly


@dataclass(frozen=True, kw_only=True)
class Sum:
    """What is known of a sum."""

    amount: float
    """Of the items that are known."""
    unknown: int
    """How many are not."""

    def __str__(self) -> str:
        if not self.unknown:
            return money(self.amount)
        return f"at least {money(self.amount)}" if self.amount else "unknown"


def so_far(items: Iterable[Item]) -> Sum:
    """What items cost until now."""
    return _sum([item.cost for item in items])


def projected(items: Iterable[Item]) -> Sum:
    """What items will have cost."""
    return _sum([item.projected for item in items])


def money(amount: float) -> str:
    """In dollars, as the tables are; three digits where cents would not show it."""
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.3g}" if amount >= 0.001 else f"${amount:.6f}"


def _sum(amounts: list[float | None]) -> Sum:
    known = [amount for amount in amounts if amount is not None]
    return Sum(amount=sum(known), unknown=len(amounts) - len(known))


def prices_of(region: str) -> Prices:
    """The table of a region; an empty one where there is none."""
    try:
        return Prices.load(region)
    except ContractError:
        return Prices(region=region, rows={})


def price_of(prices: Prices, kind: str, usage: Usage) -> tuple[Price | None, str]:
    """The price of a type's hour, and what must be known about it."""
    item = f"{kind}/{usage}"
    found = prices.find(item)
    if found is not None:
        return found, ""
    other = prices.alike(item)
    if other is not None:
        return other, f"{usage} is taken to cost what {other.item.partition('/')[2]} does"
    return None, f"no price of {item} in {prices.region}"


def training_items(run: TrainingRun, prices: Prices, now: datetime, *, step: str = "Train") -> Iterator[Item]:
    """What a training job hired.

    Billable seconds are those of each instance, and what managed spot saves is that they are fewer, at the price on
    demand (DescribeTrainingJob, BillableTimeInSeconds, SageMaker API reference, read 2026-11-22).
    """
    document = run.document
    resources = document.get("ResourceConfig")
    if not resources:
        return
    spot = document.get("EnableManagedSpotTraining", False)
    seconds, note = _billable(document, now)
    remaining = _remaining_seconds(run) if "TrainingEndTime" not in document else 0.0
    # A pool that is kept warm is billed beside.
    warm = document.get("WarmPoolStatus", {}).get("ResourceRetainedBillableTimeInSeconds", 0)
    for group in resources.get("InstanceGroups") or [resources]:
        kind, count = group["InstanceType"], group["InstanceCount"]
        plan = resources.get("TrainingPlanArn")
        price, why = (None, "of a training plan, paid in advance") if plan else price_of(prices, kind, "training")
        yield Item(
            what=f"{step}: {count} × {kind}{', spot' if spot else ''}", hours=count * (seconds + warm) / 3600,
            more=None if remaining is None else count * remaining / 3600, price=price,
            note="; ".join(filter(None, (why, note, f"{warm} s of them in a warm pool" if warm else ""))),
        )  # fmt: skip


def _billable(document: Mapping[str, Any], now: datetime) -> tuple[float, str]:
    told = document.get("BillableTimeInSeconds")
    if told is not None:
        whole = document.get("TrainingTimeInSeconds", told)
        saved = 1 - told / whole if whole else 0
        return float(told), f"spot saved {saved:.0%}" if saved > 0 else ""
    start = document.get("TrainingStartTime")
    if start is None:
        return 0.0, "no instance has started"
    return ((document.get("TrainingEndTime") or now) - start).total_seconds(), "not billed yet: time since its start"


def _remaining_seconds(run: TrainingRun) -> float | None:
    """By the pace of the last steps; None where the job does not tell its steps."""
    seen = run.series(metrics.LOSS)[-100:]
    try:
        wanted = int(run.hyperparameters.get("steps", ""))
    except ValueError:
        return None
    if len(seen) < 2 or seen[-1].step <= seen[0].step:
        return None
    pace = (seen[-1].time - seen[0].time).total_seconds() / (seen[-1].step - seen[0].step)
    return max(0.0, wanted - seen[-1].step) * pace


def processing_item(step: str, document: Mapping[str, Any], prices: Prices, now: datetime) -> Item | None:
    """What a processing job hired; None before it had an instance."""
    start = document.get("ProcessingStartTime")
    if start is None:
        return None
    hired = document["ProcessingResources"]["ClusterConfig"]
    kind, count = hired["InstanceType"], hired["InstanceCount"]
    end = document.get("ProcessingEndTime")
    price, why = price_of(prices, kind, "processing")
    return Item(what=f"{step}: {count} × {kind}", hours=count * ((end or now) - start).total_seconds() / 3600,
                more=0.0 if end else None, price=price, note=why)  # fmt: skip


def hours_left_of_month(now: datetime) -> float:
    """From now to the end of the month."""
    days = calendar.monthrange(now.year, now.month)[1]
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=days) - now).total_seconds() / 3600

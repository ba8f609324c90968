"""A warm pool against starting anew: paid waiting of instances against waiting of people.

After a job its instances are kept for K seconds, and billed; a job that follows within them starts W seconds after it
was sent, in place of C. Provisioning itself is not billed (DescribeTrainingJob, TrainingStartTime; WarmPoolStatus,
ResourceRetainedBillableTimeInSeconds, SageMaker API reference, read 2026-11-22). Where the next job comes after a
random time with mean g (exponential), it comes in time with the probability 1 - exp(-K/g), and g (1 - exp(-K/g))
seconds are kept on average: their ratio, and so the price of a saved second, does not depend on K.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ml_contract.checks import between
from ml_contract.training.warm_pools import LONGEST_WARM_S
from trainyard.whatif.answer import Answer, Table, hours, money
from trainyard.whatif.price import Price


@dataclass(frozen=True, kw_only=True)
class WarmPool:
    """The question."""

    gap_seconds: float
    """From the end of a job to the next one, on average."""
    regular: bool
    """Whether that time is always the same; otherwise it is random."""
    keep_alive_seconds: float
    """For which instances are kept (KeepAlivePeriodInSeconds)."""
    cold_seconds: float
    """From sending a job to its first step, on new instances."""
    warm_seconds: float
    """The same on kept ones."""
    instances: int
    price: Price
    jobs_per_day: float
    waiting: Price | None = None
    """Of an hour of whoever waits for a start; None where nobody says."""

    def __post_init__(self) -> None:
        between("gap", self.gap_seconds, 0, 30 * 86400, open_low=True)
        between("keep-alive", self.keep_alive_seconds, 0, LONGEST_WARM_S, open_low=True)
        between("cold", self.cold_seconds, 0, 86400, open_low=True)
        between("warm", self.warm_seconds, 0, self.cold_seconds)
        between("instances", self.instances, 1, 1000)
        between("jobs-per-day", self.jobs_per_day, 0, 86400 / self.gap_seconds, open_low=True)

    @property
    def reused(self) -> float:
        """Share of the jobs that find instances."""
        if self.regular:
            return float(self.gap_seconds <= self.keep_alive_seconds)
        return -math.expm1(-self.keep_alive_seconds / self.gap_seconds)

    @property
    def kept_seconds(self) -> float:
        """For which instances wait after a job, on average."""
        if self.regular:
            return min(self.gap_seconds, self.keep_alive_seconds)
        return self.gap_seconds * self.reused

    @property
    def saved_seconds(self) -> float:
        """Of starting, a job, on average."""
        return self.reused * (self.cold_seconds - self.warm_seconds)

    @property
    def cost(self) -> float:
        """Of what is kept, a job."""
        return self.kept_seconds / 3600 * self.instances * self.price.amount

    @property
    def price_of_saved_hour(self) -> float:
        """What an hour less of waiting costs; infinite where none is saved."""
        return self.cost / (self.saved_seconds / 3600) if self.saved_seconds else math.inf


def break_even_gap(question: WarmPool) -> float | None:
    """Seconds between jobs up to which keeping costs less than waiting; None where nobody priced that."""
    hourly = question.instances * question.price.amount
    if question.waiting is None or not hourly:
        return None
    return (question.cold_seconds - question.warm_seconds) * question.waiting.amount / hourly


def answer(question: WarmPool) -> Answer:
    """What is kept, what is saved, and whether it is worth it."""
    daily, hour = question.jobs_per_day * question.cost, question.price_of_saved_hour
    finding = (f"{question.reused:.0%} of the jobs find instances; keeping them costs {money(daily)} a day and saves"
               f" {hours(question.jobs_per_day * question.saved_seconds)} of waiting,")  # fmt: skip
    finding += f" {money(hour)} for an hour less of it." if math.isfinite(hour) else " nothing."
    gap = break_even_gap(question)
    if gap is not None and question.waiting is not None:
        worth = hour <= question.waiting.amount
        finding += (f" At {money(question.waiting.amount)} for an hour of waiting it {'pays' if worth else 'does not'}"
                    f"{'' if worth else ' pay'}: the break-even is {hours(gap)} between jobs.")  # fmt: skip
    rows = []
    for seconds in sorted({question.keep_alive_seconds, 300.0, 900.0, 1800.0, 3600.0, float(LONGEST_WARM_S)}):
        each = replace(question, keep_alive_seconds=seconds)
        rows.append((hours(seconds), f"{each.reused:.0%}", hours(each.kept_seconds), money(each.cost),
                     hours(each.saved_seconds), money(each.jobs_per_day * each.cost)))  # fmt: skip
    columns = ("kept for", "jobs that find it", "kept a job", "cost a job", "saved a job", "cost a day")
    how = "always" if question.regular else "on average, at random"
    return Answer(
        title="Warm pool", finding=finding, tables=(Table(title="By keep-alive", columns=columns, rows=tuple(rows)),),
        prices=(question.price, *((question.waiting,) if question.waiting else ())),
        assumptions=(
            (f"{hours(question.gap_seconds)} from a job to the next one, {how} (--gap, --regular), and each fits the"
            " pool: same role, image, instances and network"),
            (f"a start takes {hours(question.cold_seconds)} on new instances and {hours(question.warm_seconds)} on kept"
            " ones (--cold, --warm)"),
            f"{question.jobs_per_day:g} jobs a day on {question.instances} instances (--jobs-per-day, --instances)",
        ),
        formulas=("exponential gaps: kept time and reuse (trainyard/whatif/warm_pool.py)",),
        data={"reused": question.reused, "kept_seconds": question.kept_seconds, "cost_per_job": question.cost,
              "saved_seconds": question.saved_seconds, "cost_per_day": daily,
              "price_of_saved_hour": hour if math.isfinite(hour) else None, "break_even_gap_seconds": gap},
        figures=lambda: _figures(question),
    )  # fmt: skip


def _figures(question: WarmPool) -> list[tuple[str, object]]:
    from trainyard.pages.figures import COLOURS, line, marker, plot

    points = [replace(question, keep_alive_seconds=LONGEST_WARM_S * step / 120) for step in range(1, 121)]
    figure = plot(x="minutes that instances are kept", y="cost of a day")
    minutes = [each.keep_alive_seconds / 60 for each in points]
    figure.add_trace(line(minutes, [each.jobs_per_day * each.cost for each in points], "kept instances", COLOURS[0]))
    if question.waiting is not None:
        price = question.waiting.amount / 3600
        left = [each.jobs_per_day * price * (each.cold_seconds - each.saved_seconds) for each in points]
        figure.add_trace(line(minutes, left, "waiting that is left", COLOURS[1]))
    asked = question.keep_alive_seconds / 60
    figure.add_trace(marker(asked, question.jobs_per_day * question.cost, "asked about", COLOURS[0]))
    return [("Cost of a day by how long instances are kept.", figure)]

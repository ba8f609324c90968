"""An endpoint that goes to zero instances when nobody asks, against one that is always on.

Requests come at random at a rate λ (Poisson). Without instances the first one starts them, which takes S seconds and is
billed; when no request has come for c seconds, they go. Once started, they stay (exp(λc) - 1) / λ seconds on average
until a gap of c is over, and then 1 / λ passes until the next request, so that of all time the share

    (λS + exp(λc) - 1) / (λS + exp(λc))

is billed. A cycle answers λS + exp(λc) requests, of which the first and those that come during the start wait: 1 + λS.
Renewal-reward theorem (S. M. Ross, Stochastic Processes, 2nd edition, section 3.6); the mean time m until a gap of c is
over follows from the first request: m = c exp(-λc) + ∫ (t + m) λ exp(-λt) dt over the times t below c.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ml_contract.checks import between
from ml_contract.errors import reject
from trainyard.whatif.answer import Answer, Table, hours, money
from trainyard.whatif.price import HOURS_PER_MONTH, Price

MOST_LOAD = 700.0
"""Requests in the time until a scale-in, at most: exp of it is still a number."""


@dataclass(frozen=True, kw_only=True)
class ScaleToZero:
    """The question."""

    requests_per_hour: float
    """On average, at random times."""
    idle_seconds: float
    """Without a request until the instances go: alarm and cooldown together."""
    start_seconds: float
    """From the first request to the first answer."""
    instances: int
    """That start together."""
    price: Price
    hours_per_month: float = HOURS_PER_MONTH

    def __post_init__(self) -> None:
        between("requests-per-hour", self.requests_per_hour, 0, 1e9, open_low=True)
        between("idle", self.idle_seconds, 0, 86400)
        between("start", self.start_seconds, 0, 86400)
        between("instances", self.instances, 1, 1000)
        between("hours-per-month", self.hours_per_month, 1, 744)

    @property
    def _gap(self) -> float:
        """λc, no larger than what exp takes: beyond it nothing ever goes to zero."""
        return min(MOST_LOAD, self.requests_per_hour / 3600 * self.idle_seconds)

    @property
    def _start(self) -> float:
        return self.requests_per_hour / 3600 * self.start_seconds

    @property
    def billed(self) -> float:
        """Share of all time with instances."""
        cycle = self._start + math.exp(self._gap)
        return (cycle - 1) / cycle

    @property
    def waiting(self) -> float:
        """Share of the requests that wait for a start."""
        return (1 + self._start) / (self._start + math.exp(self._gap))

    @property
    def mean_wait_seconds(self) -> float:
        """Of all requests; those that come during a start wait half of it on average."""
        return self.start_seconds * (1 + self._start / 2) / (self._start + math.exp(self._gap))

    @property
    def always_on(self) -> float:
        """Cost of a month with instances all the time."""
        return self.hours_per_month * self.instances * self.price.amount

    def idle_for(self, waiting: float) -> float:
        """Idle time, seconds, with which no more than this share of the requests waits.

        Raises:
            ContractError: It is no share.
        """
        if not 0 < waiting < 1:
            reject("waiting", waiting, "it is a share of the requests", "Give a number above 0 and below 1.")
        return max(0.0, math.log((1 + self._start) / waiting - self._start) / (self.requests_per_hour / 3600))


def answer(question: ScaleToZero, *, waiting: float = 0.05) -> Answer:
    """Cost of a month, who waits, and how long to stay so that few do.

    Args:
        question: Traffic, times and price.
        waiting: Share of the requests that may wait, for the idle time that is proposed.
    """
    cost = question.billed * question.always_on
    finding = (f"Billed {question.billed:.1%} of the time: {money(cost)} a month against {money(question.always_on)}"
               f" always on, {1 - question.billed:.0%} saved; {question.waiting:.1%} of the requests wait for a start,"
               f" {hours(question.start_seconds)} at most.")  # fmt: skip
    stay = question.idle_for(waiting)
    patient = replace(question, idle_seconds=min(stay, 86400.0))
    finding += (f" For {waiting:.0%} that wait: stay {hours(stay)}, {money(patient.billed * question.always_on)} a"
                " month.")  # fmt: skip
    rows = []
    for factor in (0.1, 0.3, 1, 3, 10):
        each = replace(question, requests_per_hour=question.requests_per_hour * factor)
        rows.append((f"{each.requests_per_hour:g}", f"{each.billed:.1%}", money(each.billed * each.always_on),
                     f"{1 - each.billed:.0%}", f"{each.waiting:.1%}", hours(each.mean_wait_seconds)))  # fmt: skip
    columns = ("requests an hour", "billed time", "a month", "saved", "requests that wait", "mean wait")
    return Answer(
        title="Scale to zero", finding=finding, tables=(Table(title="By traffic", columns=columns, rows=tuple(rows)),),
        prices=(question.price,),
        assumptions=(
            (f"requests at random times; instances go after {hours(question.idle_seconds)} without one (--idle)"
            f" and come back in {hours(question.start_seconds)}, which is billed (--start)"),
            (f"{question.instances} instance{'s' if question.instances > 1 else ''} at a time (--instances);"
            " a request that waits is not lost (asynchronous inference, or a client that retries)"),
            f"{question.hours_per_month:g} hours a month (--hours-per-month)",
        ),
        formulas=("renewal-reward: Ross, Stochastic Processes, 3.6 (trainyard/whatif/scale_to_zero.py)",),
        data={"billed": question.billed, "monthly": cost, "always_on_monthly": question.always_on,
              "requests_waiting": question.waiting, "mean_wait_seconds": question.mean_wait_seconds,
              "idle_seconds_for": {"waiting": waiting, "idle_seconds": stay}},
        figures=lambda: _figures(question),
    )  # fmt: skip


def _figures(question: ScaleToZero) -> list[tuple[str, object]]:
    from trainyard.pages.figures import COLOURS, line, plot

    middle = question.requests_per_hour
    rates = [middle * 10 ** (step / 30) for step in range(-60, 61)]
    points = [replace(question, requests_per_hour=rate) for rate in rates if rate <= 1e9]
    figure = plot(x="requests an hour", y="share (%)")
    figure.update_xaxes(type="log")
    shares = {"billed time": [100 * each.billed for each in points],
              "requests that wait": [100 * each.waiting for each in points]}  # fmt: skip
    for colour, (name, values) in zip(COLOURS, shares.items(), strict=False):
        figure.add_trace(line([each.requests_per_hour for each in points], values, name, colour))
    return [("Billed time, and requests that wait for a start, by traffic.", figure)]

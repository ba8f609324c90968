"""Serverless, serverless with provisioned concurrency, and instances that are always on, by requests a day.

A request costs what its memory costs for as long as it runs, and what its data or the request itself costs; provisioned
concurrency is paid by the hour besides, and its requests at a price of their own ("Deploy models with Amazon SageMaker
Serverless Inference", Developer Guide, read 2026-11-22). All three costs are straight lines over requests a day, so
they meet in at most one point each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ml_contract.checks import between
from ml_contract.errors import reject
from ml_contract.hosting import SERVERLESS_CONCURRENCY, SERVERLESS_MEMORY_MB
from trainyard.whatif.answer import Answer, Table, money
from trainyard.whatif.load import HOURS_PER_DAY
from trainyard.whatif.price import HOURS_PER_MONTH, Price

SECONDS_PER_DAY = 86400.0
LONGEST_SECONDS = 60.0
"""Of one request ("Deploy models with Amazon SageMaker Serverless Inference", read 2026-11-22)."""


@dataclass(frozen=True, kw_only=True)
class Provisioned:
    """Containers that are kept ready."""

    count: int
    """Requests at once that they take (ProvisionedConcurrency)."""
    standing: Price
    """Of a GB of their memory for an hour, used or not."""
    running: Price
    """Of a GB of memory for an hour while a request runs."""


@dataclass(frozen=True, kw_only=True)
class Serverless:
    """The question."""

    requests_per_day: float
    seconds: float
    """That one request runs."""
    memory_gb: int
    compute: Price
    """Of a GB of memory for an hour while a request runs."""
    request: Price
    """Of one request; of its data, for a service that prices data."""
    provisioned: Provisioned | None = None
    instance: Price | None = None
    instances: int = 1
    """That are always on, to answer the same requests."""
    hours_per_month: float = HOURS_PER_MONTH

    def __post_init__(self) -> None:
        between("requests-per-day", self.requests_per_day, 0, 1e10)
        between("seconds", self.seconds, 0, LONGEST_SECONDS, open_low=True)
        between("instances", self.instances, 1, 1000)
        between("hours-per-month", self.hours_per_month, 1, 744)
        sizes = [size // 1024 for size in SERVERLESS_MEMORY_MB]
        if self.memory_gb not in sizes:
            reject("memory-gb", self.memory_gb, "a serverless endpoint has no such memory",
                   f"Give one of {', '.join(map(str, sizes))}.")  # fmt: skip
        if self.provisioned is not None:
            between("provisioned", self.provisioned.count, 1, SERVERLESS_CONCURRENCY)
        busy = self.concurrency
        if busy > SERVERLESS_CONCURRENCY:
            reject("requests-per-day", self.requests_per_day, f"{busy:.0f} requests would run at once on average, and"
                   f" one endpoint takes {SERVERLESS_CONCURRENCY}", "Give fewer, or take instances.")  # fmt: skip

    @property
    def concurrency(self) -> float:
        """Requests at once on average (Little's law)."""
        return self.requests_per_day * self.seconds / SECONDS_PER_DAY

    @property
    def gb_hours(self) -> float:
        """Of a request."""
        return self.seconds / 3600 * self.memory_gb

    @property
    def ways(self) -> tuple[Way, ...]:
        """What can be compared."""
        found = [Way(name="serverless", standing=0.0,
                     each=self.gb_hours * self.compute.amount + self.request.amount)]  # fmt: skip
        kept = self.provisioned
        if kept is not None:
            standing = kept.count * self.memory_gb * HOURS_PER_DAY * kept.standing.amount
            found.append(Way(name=f"provisioned concurrency {kept.count}", standing=standing,
                             each=self.gb_hours * kept.running.amount + self.request.amount))  # fmt: skip
        if self.instance is not None:
            each = f"{self.instances} x {self.instance.what.partition(',')[0]}"
            found.append(Way(name=f"always on, {each}", each=0.0,
                             standing=self.instances * HOURS_PER_DAY * self.instance.amount))  # fmt: skip
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Way:
    """A cost that is a straight line over requests."""

    name: str
    standing: float
    """Of a day without requests."""
    each: float
    """Of one request."""

    def day(self, requests: float) -> float:
        """Cost of a day."""
        return self.standing + self.each * requests


def break_even(less: Way, more: Way) -> float | None:
    """Requests a day from which ``more``, whose day without requests is dearer, is the cheaper one; None: never."""
    gain = less.each - more.each
    return (more.standing - less.standing) / gain if gain > 0 else None


def answer(question: Serverless) -> Answer:
    """A day and a month of each way, and the requests a day at which they meet."""
    requests, ways = question.requests_per_day, question.ways
    days = question.hours_per_month / HOURS_PER_DAY
    cheapest = min(ways, key=lambda way: way.day(requests))
    first = ways[0]
    finding = (f"{requests:,.0f} requests a day take {requests * question.gb_hours:,.2f} GB-hours: serverless costs"
               f" {money(first.day(requests))} a day, {money(days * first.day(requests))} a month.")  # fmt: skip
    meets = [(less, more, break_even(less, more)) for number, less in enumerate(ways) for more in ways[number + 1 :]]
    if len(ways) > 1:
        finding += f" The cheapest is {cheapest.name}."
    rows = tuple((way.name, money(way.standing), f"{way.each:.3g}", money(way.day(requests)),
                  money(days * way.day(requests))) for way in ways)  # fmt: skip
    tables = [Table(title="Ways", columns=("", "a day without requests", "a request", "a day", "a month"), rows=rows)]
    if meets:
        tables.append(Table(
            title="Break-even", columns=("", "requests a day", "at once on average"),
            rows=tuple((f"{more.name} is cheaper than {less.name} from", "never" if at is None else f"{at:,.0f}",
                        "" if at is None else f"{at * question.seconds / SECONDS_PER_DAY:.2f}")
                       for less, more, at in meets),
        ))  # fmt: skip
    kept = question.provisioned
    optional = (kept.standing if kept else None, kept.running if kept else None, question.instance)
    return Answer(
        title="Serverless, provisioned and always on", finding=finding, tables=tuple(tables),
        prices=(question.compute, question.request, *(price for price in optional if price is not None)),
        assumptions=(
            f"a request runs {question.seconds:g} s with {question.memory_gb} GB; starts are billed like requests and"
            " left out",
            f"{question.instances} always-on instance{'s' if question.instances > 1 else ''} can answer them: to be"
            " measured (--instances)",
            f"{question.hours_per_month:g} hours a month (--hours-per-month)",
        ),
        formulas=("requests at once: Little's law",),
        data={
            "gb_hours_per_day": requests * question.gb_hours,
            "ways": [{"name": way.name, "standing_per_day": way.standing, "per_request": way.each,
                      "day": way.day(requests), "month": days * way.day(requests)} for way in ways],
            "break_even": [{"cheaper": more.name, "than": less.name, "requests_per_day": at}
                           for less, more, at in meets],
        },
        figures=lambda: _figures(question),
    )  # fmt: skip


def _figures(question: Serverless) -> list[tuple[str, object]]:
    from trainyard.whatif.figures import COLOURS, line, plot

    ways = question.ways
    meets = [break_even(less, more) for number, less in enumerate(ways) for more in ways[number + 1 :]]
    most = max(10 * question.requests_per_day, 10 * max((at for at in meets if at is not None), default=0.0), 1000.0)
    least = max(1.0, most / 1e5)
    xs = [least * (most / least) ** (step / 120) for step in range(121)]
    figure = plot(x="requests a day", y="cost of a day")
    figure.update_xaxes(type="log")
    figure.update_yaxes(type="log", rangemode="normal")
    for colour, way in zip(COLOURS, ways, strict=False):
        figure.add_trace(line(xs, [way.day(x) for x in xs], way.name, colour))
    if question.requests_per_day >= least:
        figure.add_vline(x=math.log10(question.requests_per_day), line_dash="dot", line_color=COLOURS[5],
                         annotation_text="asked about")  # fmt: skip
    return [("Cost of a day by requests, both on scales of powers of ten.", figure)]

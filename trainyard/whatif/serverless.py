"""Serverless, serverless with provisioned concurrency, and instances that are always on, by requests a day.

A request costs what its memory costs for as long as it runs, and what its data or the request itself costs; provisioned
concurrency is paid by the hour besides, and what runs on it at a price of its own ("Deploy models with Amazon SageMaker
Serverless Inference", Developer Guide, read 2026-11-22). Requests
that find no provisioned container free are served and paid like others; requests are taken as spread over the day.
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
    request: Price | None
    """Of one request and its data; None where nobody says."""
    provisioned: Provisioned | None = None
    instance: Price | None = None
    instances: int = 1
    """That are always on, to answer the same requests."""
    hours_per_month: float = HOURS_PER_MONTH

    def __post_init__(self) -> None:
        between("requests-per-day", self.requests_per_day, 0, 1e9)
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
        data = self.request.amount if self.request else 0.0
        on_demand = self.gb_hours * self.compute.amount + data
        found = [Way(name="serverless", standing=0.0, each=on_demand)]
        kept = self.provisioned
        if kept is not None:
            standing = kept.count * self.memory_gb * HOURS_PER_DAY * kept.standing.amount
            found.append(Way(
                name=f"provisioned concurrency {kept.count}", standing=standing, beyond=on_demand,
                each=self.gb_hours * kept.running.amount + data, most=kept.count * SECONDS_PER_DAY / self.seconds,
            ))  # fmt: skip
        if self.instance is not None:
            each = f"{self.instances} x {self.instance.what.partition(',')[0]}"
            found.append(Way(name=f"always on, {each}", each=0.0,
                             standing=self.instances * HOURS_PER_DAY * self.instance.amount))  # fmt: skip
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Way:
    """A cost that grows with requests."""

    name: str
    standing: float
    """Of a day without requests."""
    each: float
    """Of one request."""
    most: float = math.inf
    """Requests a day that ``each`` holds for: as many as provisioned containers can run."""
    beyond: float = 0.0
    """Of each request above that."""

    def day(self, requests: float) -> float:
        """Cost of a day."""
        return self.standing + self.each * min(requests, self.most) + self.beyond * max(0.0, requests - self.most)


def break_even(less: Way, more: Way) -> float | None:
    """Requests a day from which ``more``, whose day without requests is dearer, is the cheaper one; None: never.

    Between requests at which a line turns both are straight, so that each stretch has one crossing at most.
    """
    if more.standing < less.standing:
        return 0.0 if more.each <= less.each else None
    turns = sorted({0.0, *(way.most for way in (less, more) if math.isfinite(way.most))})
    for begin, end in zip(turns, [*turns[1:], math.inf], strict=True):
        lead = more.day(begin) - less.day(begin)
        step = min(end, begin + 1e6) - begin
        gain = (lead - (more.day(begin + step) - less.day(begin + step))) / step
        # Lines that differ by rounding alone are parallel.
        if gain > 1e-9 * max(less.each, less.beyond, more.each, more.beyond) and begin + lead / gain < end:
            return begin + lead / gain
    return None


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
    rows = tuple((way.name, money(way.standing), money(way.each), money(way.day(requests)),
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
    optional = (question.request, kept.standing if kept else None, kept.running if kept else None, question.instance)
    return Answer(
        title="Serverless, provisioned and always on", finding=finding, tables=tuple(tables),
        prices=(question.compute, *(price for price in optional if price is not None)),
        assumptions=(
            (f"a request runs {question.seconds:g} s with {question.memory_gb} GB; starts are billed like requests and"
            " left out"),
            (f"{question.instances} always-on instance{'s' if question.instances > 1 else ''} can answer them: to be"
            " measured (--instances)"),
            "a request's data is left out: say how much there is (--request-mb)" if question.request is None
            else f"a request's data costs {money(question.request.amount)} (--request-mb, --request-price)",
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
    from trainyard.pages.figures import COLOURS, line, marker, plot

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
        cost = min(way.day(question.requests_per_day) for way in ways)
        figure.add_trace(marker(question.requests_per_day, cost, "asked about, the cheapest", COLOURS[5]))
    return [("Cost of a day by requests, both on scales of powers of ten.", figure)]

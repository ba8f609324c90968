"""From a question to its answer: the search or the given hosts, prices, hours, checkpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_contract.checks import between
from ml_contract.errors import ContractError, reject
from ml_contract.instances import CATALOGUE, instance
from ml_contract.sizing.needs import readable
from trainyard.sizing import answers, plan
from trainyard.sizing.answers import Candidate
from trainyard.sizing.question import Question, hosts
from trainyard.whatif.answer import Answer, Table, hours, money
from trainyard.whatif.listed import Source
from trainyard.whatif.price import Price, given


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked beside the model."""

    work: plan.Work
    on: str | None
    """``TYPE:COUNT``; None to search."""
    runs_per_month: float
    slo_hours: float | None
    failures_per_host_hour: float
    stall_seconds: float
    restart_seconds: float
    rows: int
    """Clusters to show."""
    region: str
    given: tuple[str, ...]
    """Prices, ``TYPE=AMOUNT``."""

    def __post_init__(self) -> None:
        between("--runs-per-month", self.runs_per_month, 0, 1e5)
        if self.slo_hours is not None and self.work.hours is None and self.work.tokens is None:
            reject("--slo-hours", self.slo_hours, "nothing says how long a run is", "Give --hours or --tokens too.")


def sized(question: Question, wanted: Wanted) -> Answer:
    """Search, or look at the given hosts.

    Raises:
        ContractError: Nothing fits, an SLO is too short, or a value is refused.
    """
    prices = dict(_prices(wanted))
    if wanted.on is None:
        found = answers.candidates(question, wanted.work, prices)
        first, tables = found[0], [answers.search(found, rows=wanted.rows)]
        least = min(found, key=lambda each: each.room)
        finding = _finding(question, first, least)
    else:
        tables, fit = answers.ranks(question, *hosts(wanted.on))
        found = sorted((Candidate(how=how, cluster=cluster, price=prices.get(cluster.host.name),
                                  run_hours=wanted.work.on(cluster)) for how, cluster in fit),
                       key=lambda each: each.cluster.memory.total("device"))  # fmt: skip
        if not found:
            finding = f"{question.name} does not fit {wanted.on} under {', '.join(question.strategies)}."
            return _answer(question, wanted, tables, finding, found, {})
        first = found[0]
        needs = readable(first.cluster.memory.total("device"))
        finding = (f"{question.name} fits {first.name} under {', '.join(each.how for each in found)};"
                   f" {first.how} needs the least, {needs} a rank.")  # fmt: skip
    table, data = _plan(first, wanted)
    return _answer(question, wanted, [*tables, table], finding, found, data)


def _finding(question: Question, first: Candidate, least: Candidate) -> str:
    needs = readable(first.cluster.memory.total("device"))
    if first.price is None:
        return (f"The smallest for {question.name} under {first.how} is {first.name}, {needs} a rank. No price of a"
                " type that fits is known: give --price TYPE=AMOUNT.")  # fmt: skip
    cost = money(first.hourly or 0.0)
    text = f"The cheapest of known price for {question.name} under {first.how} is {first.name}: {cost} an hour,"
    if first.cost is not None and first.run_hours is not None:
        text += f" {money(first.cost)} a run of {hours(3600 * first.run_hours)},"
    text += f" {needs} a rank."
    if least.name != first.name:
        price = "of unknown price" if least.hourly is None else f"{money(least.hourly)} an hour"
        text += f" The least memory that fits is {least.name}, {price}."
    return text


def _prices(wanted: Wanted) -> Iterator[tuple[str, Price]]:
    """What was given, and what the table knows; a type without either has no price, never zero."""
    said = dict(_given(wanted.given))
    yield from said.items()
    source = Source(region=wanted.region)
    try:
        listed = {name: source.known(name, usage="training") for name in CATALOGUE if name not in said}
    except ContractError:
        if not said:
            raise
        return
    for name, found in listed.items():
        if found is not None:
            yield name, found


def _given(items: Sequence[str]) -> Iterator[tuple[str, Price]]:
    for item in items:
        found = re.fullmatch(r"([\w.-]+)=([-+.\deE]+)", item)
        try:
            amount = float(found[2]) if found else None
        except ValueError:
            amount = None
        if found is None or amount is None:
            reject("--price", item, "it must be a type and an amount", "Write for example ml.p5.48xlarge=63.30.")
        name = instance(found[1], field="--price").name
        yield name, given(amount, "--price", what=f"{name}, training")


def _plan(first: Candidate, wanted: Wanted) -> tuple[Table, dict[str, Any]]:
    rows: list[tuple[str, str]] = []
    data: dict[str, Any] = {}
    length = first.run_hours
    if length is None and wanted.work.tokens is not None:
        rows.append(("a run", f"unknown: no peak of {first.cluster.host.accelerator} is in the table"))
    if length is not None:
        run, month = plan.instance_hours(first.cluster.count, length, wanted.runs_per_month)
        data |= {"run_hours": length, "instance_hours_per_run": run, "instance_hours_per_month": month}
        rows += [("a run", hours(3600 * length)), ("instance-hours of a run", f"{run:,.6g}"),
                 (f"instance-hours of a month of {wanted.runs_per_month:g}", f"{month:,.6g}")]  # fmt: skip
        if first.price is not None:
            rows.append(("cost of a month", money(month * first.price.amount)))
            data["cost_per_month"] = month * first.price.amount
        if wanted.slo_hours is not None:
            data["retries"] = plan.retries(wanted.slo_hours, length)
            rows.append((f"retries from the start within {wanted.slo_hours:g} h", str(data["retries"])))
    saves = plan.checkpoints(first.cluster, failures_per_host_hour=wanted.failures_per_host_hour, hours=length,
                             stall_seconds=wanted.stall_seconds, restart_seconds=wanted.restart_seconds)  # fmt: skip
    if saves is not None:
        rows += [("mean time between failures", hours(saves.failure_seconds)),
                 ("from a save to its commit", hours(saves.lag_seconds)),
                 ("checkpoint interval by Young and Daly", hours(saves.interval_seconds))]  # fmt: skip
        data["checkpoints"] = {"failure_seconds": saves.failure_seconds, "lag_seconds": saves.lag_seconds,
                               "interval_seconds": saves.interval_seconds}  # fmt: skip
        if saves.expected is not None and length is not None:
            on_top = saves.expected.held_seconds / 3600 / length - 1
            rows.append(("expected with saves and failures",
                         f"{hours(saves.expected.held_seconds)}, {on_top:.1%} on top"))  # fmt: skip
            data["expected_hours"] = saves.expected.held_seconds / 3600
        elif length is not None:
            rows.append(("expected with saves and failures", "unknown: hardly a start ever gets to a commit"))
    return Table(title=f"On {first.name}, {first.how}", columns=("", ""), rows=tuple(rows)), data


def _answer(
    question: Question, wanted: Wanted, tables: Sequence[Table], finding: str, found: Sequence[Candidate],
    data: Mapping[str, Any],
) -> Answer:  # fmt: skip
    used = list({each.price.what: each.price for each in found[: wanted.rows] if each.price is not None}.values())
    return answers.answer(
        question, tables=tables, finding=finding, prices=used, work=wanted.work,
        assumptions=(
            (f"{wanted.failures_per_host_hour:g} failures of a host an hour (--failures-per-host-hour; Llama 3, arXiv"
            " 2407.21783, has 0.00016)"),
            f"a save stalls training for {hours(wanted.stall_seconds)}, and every rank writes 200 MB/s (--stall)",
            f"{hours(wanted.restart_seconds)} from a failure to the next step (--restart)",
        ),
        formulas=("checkpoint interval: Young 1974, Daly 2006 (ml_contract/sizing/interval.py)",
                  "retries: floor(SLO / run) - 1, each from the start"),
        bars=found[: wanted.rows],
        data={"candidates": [answers.document(each) for each in found], "plan": dict(data)},
    )  # fmt: skip

"""A simulation as a table, a CSV file and a plot."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from ml_contract.errors import reject
from trainyard.cli.tables import print_table
from trainyard.scaling.scaler import Scaler
from trainyard.scaling.simulation import Assumptions, Simulation, saved, simulate
from trainyard.scaling.trace import built_in_day, per_instance, read_trace


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command was asked for; see its options."""

    trace: Path | None
    per_instance: float | None
    start_seconds: float
    latency: float
    gpus: int
    begin: int | None
    price: float | None
    csv: Path | None
    html: Path | None


def show(scaler: Scaler, wanted: Wanted) -> Simulation:
    """Simulate and print."""
    each = wanted.per_instance or _tracked(scaler)
    trace = read_trace(wanted.trace) if wanted.trace else built_in_day(each)
    assumptions = Assumptions(
        per_instance=each,
        start_seconds=wanted.start_seconds,
        latency=wanted.latency,
        gpus=wanted.gpus,
        begin=wanted.begin,
    )
    found = simulate(scaler, trace, assumptions)
    rows = list(_stretches(found))
    typer.echo(f"{scaler.resource}, {scaler.dimension}: {scaler.minimum} to {scaler.maximum}")
    print_table("the trace is empty", ("from", "to", "instances", "requests a minute", "over"), rows)
    for line in summary(found, wanted.price):
        typer.echo(line)
    if wanted.csv:
        _write(wanted.csv, found)
        typer.echo(f"{wanted.csv}: {len(found.minutes)} minutes")
    if wanted.html:
        from trainyard.pages.write import render_figures, write
        from trainyard.scaling.figure import figure

        caption = "Instances asked for, in service and needed, over the requests of each minute."
        page = render_figures(f"{scaler.resource}, simulated", [(caption, figure(found))])
        typer.echo(write(page, wanted.html, option="--html"))
    return found


def summary(found: Simulation, price: float | None) -> Iterator[str]:
    """Instance-hours, cost, requests over capacity."""
    lines = (
        ("simulated", found.hours),
        ("following the load at once", found.ideal_hours),
        ("always on", found.always_on_hours),
    )
    for name, hours in lines:
        cost = "" if price is None else f", cost {hours * price:.2f}"
        share = saved(hours, found.always_on_hours)
        yield f"{name}: {hours:.2f} instance-hours{cost}{f', {share:.0%} saved' if name != 'always on' else ''}"
    total = sum(found.trace.requests)
    yield f"requests over capacity: {found.over:.0f} of {total:.0f} ({found.over / total if total else 0:.2%})"
    if any(minute.backlog for minute in found.minutes):
        yield f"longest queue: {max(minute.backlog for minute in found.minutes):.0f} requests"


def _tracked(scaler: Scaler) -> float:
    found = per_instance(scaler)
    if found is None:
        rule = f"no policy of {scaler.resource} tells how many requests a minute an instance answers"
        reject("--per-instance", None, rule, "Measure it with `trainyard load` and give it.")
    return found


def _stretches(found: Simulation) -> Iterator[tuple[str, ...]]:
    """Minutes of one capacity, joined."""
    minute = 0
    for count, group in itertools.groupby(found.minutes, key=lambda each: each.billed):
        part = list(group)
        first, last = found.trace.time(minute), found.trace.time(minute + len(part))
        load = [each.requests for each in part]
        rate = f"{min(load):.0f}" if min(load) == max(load) else f"{min(load):.0f} to {max(load):.0f}"
        over = sum(each.over for each in part)
        yield (f"{first:%m-%d %H:%M}", f"{last:%m-%d %H:%M}", str(count), rate, f"{over:.0f}")
        minute += len(part)


def _write(file: Path, found: Simulation) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(("time", "requests", "instances", "in_service", "needed", "over", "backlog"))
        for number, (minute, needed) in enumerate(zip(found.minutes, found.ideal, strict=True)):
            time = found.trace.time(number).isoformat(timespec="minutes")
            counts = (minute.billed, minute.active, needed)
            writer.writerow((time, f"{minute.requests:g}", *counts, f"{minute.over:g}", f"{minute.backlog:g}"))

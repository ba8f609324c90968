"""An estimate as the command was asked for it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import typer

from trainyard.cost import difference, documents
from trainyard.cost import show as shown
from trainyard.cost.assumptions import parse
from trainyard.cost.estimate import Estimate, estimate, with_prices
from trainyard.cost.templates import read

_WIDE = 1000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command was asked for; see its options."""

    place: Path
    environment: str | None
    against: Path | None
    region: str | None
    parameters: list[str]
    assume: list[str]
    prices: list[str]
    max_age_days: int
    everything: bool
    form: Literal["tree", "json", "markdown"]


def show(wanted: Wanted) -> None:
    """Estimate and print."""
    today = datetime.now(UTC).date()
    head = _estimate(wanted, wanted.place)
    if wanted.against is not None:
        changes = difference.compare(_estimate(wanted, wanted.against), head)
        if wanted.form == "json":
            typer.echo(json.dumps(difference.as_json(changes), indent=2))
        elif wanted.form == "markdown":
            typer.echo(difference.as_markdown(changes))
        else:
            for line in difference.as_lines(changes):
                typer.echo(line)
    elif wanted.form == "json":
        typer.echo(json.dumps(documents.as_json(head, today, wanted.max_age_days), indent=2))
    elif wanted.form == "markdown":
        typer.echo(documents.as_markdown(head, today, wanted.max_age_days))
    else:
        from rich.console import Console

        # A terminal wraps; what goes to a file or another program has a row a line.
        console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
        shown.print_tree(head, console, today, wanted.max_age_days, everything=wanted.everything)


def _estimate(wanted: Wanted, place: Path) -> Estimate:
    from trainyard.cli.parameters import pairs

    today = datetime.now(UTC).date()
    templates = read(place, environment=wanted.environment, region=wanted.region, parameters=pairs(wanted.parameters))
    return estimate(templates, parse(wanted.assume), with_prices(wanted.prices, today))

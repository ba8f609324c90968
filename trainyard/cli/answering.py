"""An answer on the screen, as JSON, as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Shown

from trainyard.whatif.answer import Answer, Table

Region = Annotated[str, typer.Option(help="Whose price table is read for what is not given.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of tables.")]
Html = Annotated[Path | None, typer.Option(help="Write tables and plots into one page.", dir_okay=False)]
Month = Annotated[float, typer.Option(help="Hours of a month.")]
WIDTH = 140
"""Columns of a table that no terminal limits."""


def show(answer: Answer, *, as_json: bool, html: Path | None) -> None:
    """Print, and write the page where one is wanted."""
    if as_json:
        typer.echo(json.dumps(answer.document(), indent=1))
    else:
        _print(answer)
    if html is not None:
        from trainyard.whatif.write import write_page

        typer.echo(write_page(answer, html), err=as_json)


def _print(answer: Answer) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    console.print(escape(answer.finding), soft_wrap=True)
    for table in answer.tables:
        console.print()
        console.print(_shown(table))
    for title, lines in (("prices", map(str, answer.prices)), ("assumed", answer.assumptions),
                         ("formulas", answer.formulas)):  # fmt: skip
        for number, line in enumerate(lines):
            head = f"\n{title}:" if number == 0 else ""
            console.print(f"{head}\n  {escape(line)}".removeprefix("\n" if number else ""), soft_wrap=True)


def _shown(table: Table) -> Shown:
    # A list of names and figures has no header.
    shown = Shown(
        show_header=any(table.columns), title=table.title, title_justify="left", title_style="bold", box=None,
        header_style="bold", padding=(0, 2, 0, 0),
    )  # fmt: skip
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="left" if number == 0 or not column else "right", overflow="fold")
    for row in table.rows:
        shown.add_row(*map(escape, row))
    return shown

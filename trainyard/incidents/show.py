"""What whoever plays an incident sees of it."""

from __future__ import annotations

import json
import sys

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trainyard.incidents.incident import Incident
from trainyard.incidents.playing import Player
from trainyard.incidents.scene import IncidentFailed
from trainyard.incidents.shell import Ran
from trainyard.incidents.timeline import Moment, Timeline
from trainyard.operations.connection import Connection

_INTERRUPTED = 130
_LINES = 14
"""Of a command's output that are shown."""
_MARKS = {
    "alarm": "[red]![/]",
    "told": "[red]![/]",
    "checked": "[green]✓[/]",
    "ok": "[green]✓[/]",
    "failed": "[red]✗[/]",
}


def play_shown(connection: Connection, incident: Incident, *, as_json: bool) -> None:
    """Play, and print what happens as it does; the time line at the end.

    Raises:
        OperationError: What the incident needs is not there, or it did not end as it must.
        SystemExit: It was interrupted; faults are taken back.
    """
    console = Console(quiet=as_json)
    timeline = Timeline(watch=lambda moment: _moment(console, moment))
    where = f"[dim]({escape(connection.name)}, emulated)[/]"
    console.print(f"[bold]{incident.name}[/]: {escape(incident.summary)} {where}", soft_wrap=True)
    if incident.minute_seconds < 60:
        console.print(f"  [dim]alarms take {incident.minute_seconds:g} s for a minute while it is played[/]")
    if incident.skipped:
        console.print(f"  [dim]{escape(incident.skipped)}[/]", soft_wrap=True)
    try:
        with console.status("looking") as status:
            player = Player(
                connection=connection,
                timeline=timeline,
                say=lambda text: status.update(escape(text)),
                show=lambda ran: _command(console, ran),
            )
            outcome = player.play(incident)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the faults are taken back and what was started is stopped\n")
        # Not typer's Exit: of that status it is taken for an interruption that leaves everything running.
        raise SystemExit(_INTERRUPTED) from None
    except IncidentFailed as failure:
        timeline.note("failed", str(failure))
        _table(console, timeline)
        raise
    if as_json:
        typer.echo(json.dumps(outcome.to_json(), indent=1))
        return
    _table(console, timeline)
    console.print(f"{incident.name}: the alarm fired, the runbook's {len(outcome.commands)} commands put it right")


def _moment(console: Console, moment: Moment) -> None:
    if moment.kind != "command":
        mark = _MARKS.get(moment.kind, "·")
        console.print(f"  {mark} {moment.seconds:5.1f} s  {moment.kind:<9} {escape(moment.text)}", soft_wrap=True)


def _command(console: Console, ran: Ran) -> None:
    colour = "cyan" if ran.status == 0 else "red"
    lines = ran.command.splitlines()
    console.print(f"    [{colour}]$ {escape(lines[0])}[/]", soft_wrap=True, highlight=False)
    for line in lines[1:]:
        console.print(f"      [{colour}]{escape(line)}[/]", soft_wrap=True, highlight=False)
    output = ran.output.splitlines()
    for line in output[:_LINES]:
        console.print(f"      [dim]{escape(line)}[/]", soft_wrap=True, highlight=False)
    if len(output) > _LINES:
        console.print(f"      [dim]… {len(output) - _LINES} more lines[/]")


def _table(console: Console, timeline: Timeline) -> None:
    table = Table("s", "", "what", box=None, pad_edge=False, header_style="bold")
    table.columns[0].justify = "right"
    for moment in timeline.moments:
        table.add_row(f"{moment.seconds:.1f}", moment.kind, escape(moment.text))
    console.print()
    console.print(table)

"""`trainyard incident`: play what can go wrong, on the embedded cloud."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from trainyard.cli.tables import print_table
from trainyard.operations.connection import connect


def incident(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which; without it all are listed.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the incidents and play none.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Let something go wrong on the embedded cloud, wait for its alarm, and do what the runbook says.

    The commands are those of docs/runbooks/NAME.md, as they stand there. Faults are taken back at the end, also after
    Ctrl-C. The status is 0 only when the alarm fired, every command succeeded and the end is as promised.

    Examples: `trainyard incident --list` · `trainyard --local incident spot-storm`
    """
    from trainyard.incidents import catalogue

    if listed or name is None:
        rows = [(kind.name, kind.environment, ", ".join(told.name for told in (*kind.symptoms, *kind.notices)),
                 kind.summary)
                for kind in catalogue.INCIDENTS]  # fmt: skip
        if as_json:
            keys = ("incident", "environment", "alarms", "summary")
            typer.echo(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=1))
        else:
            print_table("", ("incident", "environment", "alarms", "what happens"), rows)
        return
    chosen = catalogue.incident(name)
    is_local, cloud = context.obj
    from trainyard.incidents.requirements import refuse_aws
    from trainyard.incidents.show import play_shown
    from trainyard.operations.connection import Connection

    # Before AWS is asked for anything at all.
    refuse_aws(Connection(cloud if is_local else None))
    play_shown(connect(cloud), chosen, as_json=as_json)

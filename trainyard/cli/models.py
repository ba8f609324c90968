"""`trainyard models`: what a multi-model endpoint may load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainyard.cli.tables import print_table
from trainyard.operations.connection import Connection, connect

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Models behind a multi-model endpoint: add, list.

    Examples: `trainyard models add ENDPOINT repository/bert --as bert-7` · `trainyard --local models list ENDPOINT`""",
)

_Endpoint = Annotated[str, typer.Argument(help="Name of a multi-model endpoint.")]


@app.command()
def add(
    context: typer.Context,
    endpoint: _Endpoint,
    folder: Annotated[Path, typer.Argument(help="Folder of one model of a Triton repository.", file_okay=False)],
    name: Annotated[str, typer.Option("--as", help="Name that requests give, for example team-a/bert-7.")],
) -> None:
    """Pack a model and put it where the endpoint loads from. The endpoint itself does not change.

    Example: `trainyard models add trainyard-prod-catalogue repository/bert --as bert-7`
    """
    from trainyard.operations import models

    made = models.add(_connection(context), endpoint, folder, name)
    typer.echo(made)
    typer.echo(f"next: trainyard invoke {endpoint} --target-model {made} --body request.json", err=True)


@app.command("list")
def list_models(context: typer.Context, endpoint: _Endpoint) -> None:
    """List what requests may name, with size and age.

    Example: `trainyard --local models list trainyard-local-catalogue`
    """
    from trainyard.cli.checkpoints import size
    from trainyard.operations import models

    found = models.stored(_connection(context), endpoint)
    rows = [(one.name, size(one.bytes), f"{one.when:%Y-%m-%d %H:%M}") for one in found]
    print_table(f"{endpoint} has no model yet", ("model", "size", "uploaded"), rows)


def _connection(context: typer.Context) -> Connection:
    is_local, cloud = context.obj
    return connect(cloud if is_local else None)

"""`trainyard dashboards`: the pages of an environment in its Grafana."""

from __future__ import annotations

from typing import Annotated

import typer

from trainyard.operations.connection import connect

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Dashboards of an environment: publish.

    Example: `trainyard dashboards publish prod`""",
)


@app.callback()
def dashboards() -> None:
    """Dashboards of an environment."""


@app.command()
def publish(
    context: typer.Context,
    environment: Annotated[str, typer.Argument(help="Name of the environment, for example prod.")],
) -> None:
    """Write what was deployed into the environment's Grafana; pages of the same id are replaced.

    Needs rights to read the environment's parameters and the app's assets, and to make and delete a token of Grafana's.

    Example: `trainyard dashboards publish prod`
    """
    from trainyard.operations.dashboards import publish as write

    is_local, cloud = context.obj
    for address in write(connect(cloud if is_local else None), environment):
        typer.echo(address)

"""`trainyard dashboards`: the pages of an environment in its Grafana."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainyard.operations.connection import connect

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Dashboards of an environment: publish, show.

    Examples: `trainyard dashboards publish prod` · `trainyard --local dashboards show trainyard-local-training`""",
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


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a CloudWatch dashboard, for example trainyard-prod-training.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file.")] = Path("out/dashboard.html"),
    hours: Annotated[
        float | None, typer.Option(help="Time up to now; the dashboard's own by default.", min=0.01, max=10950)
    ] = None,
    period: Annotated[
        int | None,
        typer.Option(
            help="Seconds that a point stands for; the widgets' own by default. AWS keeps less than 60 for"
            " three hours.",
            min=1,
            max=86400,
        ),
    ] = None,
    variable: Annotated[
        list[str] | None,
        typer.Option("--variable", "-v", help="ID=VALUE of the dashboard's variables.", metavar="ID=VALUE"),
    ] = None,
) -> None:
    """Draw every widget of a CloudWatch dashboard into one HTML page, without the console.

    Needs cloudwatch:GetDashboard, ListDashboards, GetMetricData and DescribeAlarms.

    Example: `trainyard dashboards show trainyard-prod-training -v narrowed=a1b2c3d4e5f6`
    """  # fmt: skip
    from trainyard.cli.parameters import pairs
    from trainyard.dashboards.show import show as write

    is_local, cloud = context.obj
    values = pairs(variable or [], "--variable", "-v narrowed=a1b2c3d4e5f6")
    typer.echo(write(connect(cloud if is_local else None), name, out, hours=hours, period=period, values=values))

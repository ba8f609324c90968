"""`trainyard scaling`: what the deployed policies would do, and what they did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainyard.operations.connection import connect

app = typer.Typer(no_args_is_help=True, help="Scaling policies: simulated against traffic, and their activities.")


@app.command()
def simulate(
    context: typer.Context,
    endpoint: Annotated[str | None, typer.Argument(help="An endpoint whose deployed policies are read.")] = None,
    assembly: Annotated[
        Path | None, typer.Option(help="Read the policies of a cloud assembly (cdk.out) instead.", file_okay=False)
    ] = None,
    stack: Annotated[str, typer.Option(help="Stacks of the assembly, a pattern such as 'Prod/*'.")] = "*",
    target: Annotated[str | None, typer.Option(help="Part of the ResourceId, where several things scale.")] = None,
    trace: Annotated[
        Path | None, typer.Option(help="CSV with the columns time and requests, a row a minute.", dir_okay=False)
    ] = None,
    per_instance: Annotated[
        float | None,
        typer.Option(help="Requests a minute that one instance answers; the policy's own target if it is one."),
    ] = None,
    start: Annotated[str, typer.Option(help="Time until a new instance serves, e.g. 90s or 5m.")] = "5m",
    latency: Annotated[float, typer.Option(help="Seconds that one request takes.")] = 0.1,
    gpus: Annotated[int, typer.Option(help="GPUs of an instance, for policies on how busy they are.", min=1)] = 1,
    begin: Annotated[int | None, typer.Option(help="Instances before the first minute.", min=0)] = None,
    price: Annotated[float | None, typer.Option(help="Price of an instance-hour, in whatever currency.", min=0)] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the minutes here.", dir_okay=False)] = None,
    html: Annotated[Path | None, typer.Option(help="Write a plot here.", dir_okay=False)] = None,
) -> None:
    """Run deployed policies over traffic: the trace, or a built-in day of 6 h at 10, 12 h at 2 and 6 h at 1 instances.

    Examples: `trainyard --local scaling simulate ENDPOINT --price 0.828` ·
    `trainyard scaling simulate --assembly cdk.out --stack 'Prod/*' --trace week.csv --html out/week.html`
    """
    from trainyard.cli.parameters import seconds
    from trainyard.cli.simulating import Wanted, show
    from trainyard.scaling import deployed

    if (endpoint is None) == (assembly is None):
        raise typer.BadParameter("give either an endpoint or --assembly")
    if assembly is not None:
        scalers = deployed.of_assembly(assembly, [stack])
    else:
        is_local, cloud = context.obj
        assert endpoint is not None
        scalers = deployed.of_endpoint(connect(cloud if is_local else None), endpoint)
    wanted = Wanted(
        trace=trace,
        per_instance=per_instance,
        start_seconds=seconds(start, "--start"),
        latency=latency,
        gpus=gpus,
        begin=begin,
        price=price,
        csv=csv,
        html=html,
    )
    show(deployed.one(scalers, target), wanted)


@app.command()
def activities(
    context: typer.Context,
    endpoint: Annotated[str | None, typer.Argument(help="Only those of this endpoint's variants.")] = None,
) -> None:
    """List what Application Auto Scaling has done, newest first.

    Example: `trainyard --local scaling activities`
    """
    from trainyard.cli.tables import print_table
    from trainyard.scaling import deployed

    is_local, cloud = context.obj
    connection = connect(cloud if is_local else None)
    rows = [
        (
            f"{each['StartTime']:%m-%d %H:%M:%S}",
            *(each[key] for key in ("StatusCode", "ResourceId", "Description", "Cause")),
        )
        for each in deployed.activities(connection, endpoint)
    ]
    columns = ("started", "status", "resource", "what", "why")
    print_table(f"nothing has scaled yet on {connection.name}", columns, rows)

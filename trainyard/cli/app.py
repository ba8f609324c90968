"""The commands that talk to a deployed platform, on AWS or on the embedded cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainyard.cli import (
    checkpoints,
    clusters,
    cost,
    dashboards,
    delivery,
    images,
    incidents,
    local,
    models,
    policies,
    quotas,
    scaling,
    serving,
    sizing,
    teardown,
    tuning,
    whatif,
)
from trainyard.local.cloud import DEFAULT_PORT, DEFAULT_STATE, Cloud, CloudError
from trainyard.operations.connection import Connection, connect

app = typer.Typer(
    name="trainyard",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="""Run and watch large-model work on Amazon SageMaker, on AWS or on an embedded cloud.

    Without `--local` every command talks to AWS, as the AWS configuration of your shell says.

    Examples: `trainyard local up` · `trainyard --local executions` · `trainyard --local endpoints`""",
)
app.add_typer(local.app, name="local")
app.add_typer(checkpoints.app, name="checkpoints")
app.add_typer(clusters.app, name="cluster")
app.add_typer(cost.app, name="cost")
app.add_typer(dashboards.app, name="dashboards")
app.add_typer(images.app, name="images")
app.add_typer(models.app, name="models")
app.add_typer(policies.app, name="policies")
app.add_typer(scaling.app, name="scaling")
app.add_typer(whatif.app, name="whatif")
app.command()(delivery.drift)
app.command()(delivery.deployed)
app.command()(serving.invoke)
app.command()(serving.load)
app.command()(tuning.tune)
app.command()(sizing.size)
app.command()(quotas.quotas)
app.command()(teardown.teardown)
app.command()(incidents.incident)


@app.callback()
def choose(
    context: typer.Context,
    is_local: Annotated[bool, typer.Option("--local", help="Talk to the embedded cloud on this machine.")] = False,
    port: Annotated[int, typer.Option(help="Port of the embedded cloud on 127.0.0.1.")] = DEFAULT_PORT,
    state: Annotated[Path, typer.Option(help="Folder of the embedded cloud's state.")] = DEFAULT_STATE,
) -> None:
    """Remember which cloud is meant."""
    context.obj = (is_local, Cloud(state=state, port=port))


def _connection(context: typer.Context) -> Connection:
    is_local, cloud = context.obj
    return connect(cloud if is_local else None)


@app.command()
def run(
    context: typer.Context,
    pipeline: Annotated[str, typer.Argument(help="Name of the pipeline.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="NAME=VALUE, as often as needed.", metavar="NAME=VALUE"),
    ] = None,
    reclaim_after: Annotated[
        str | None, typer.Option(help="Reclaim the spot hosts that long after training began, e.g. 20s or 2m.")
    ] = None,
    reclaim_at_step: Annotated[
        int | None, typer.Option(help="Reclaim the spot hosts once training has reported this step.", min=1)
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start, print the ARN and leave.")] = False,
) -> None:
    """Start a pipeline execution and watch it to its end.

    Ctrl-C leaves the execution running. The status is 0 only when it succeeds.

    Examples: `trainyard run trainyard-prod-bytes-lm -p Threshold=2.5` ·
    `trainyard --local run trainyard-local-bytes-lm --reclaim-after 20s`
    """
    from trainyard.cli.running import run_pipeline

    run_pipeline(
        _connection(context),
        pipeline,
        parameter or [],
        reclaim_after=reclaim_after,
        reclaim_at_step=reclaim_at_step,
        detach=detach,
    )


@app.command()
def executions(
    context: typer.Context,
    reference: Annotated[
        str | None, typer.Argument(help="A pipeline's name for its executions, an execution's ARN for its steps.")
    ] = None,
) -> None:
    """List pipelines, the executions of one, or the steps of an execution.

    Examples: `trainyard executions` · `trainyard --local executions trainyard-local-bytes-lm`
    """
    from trainyard.cli.tables import show_executions

    show_executions(_connection(context), reference)


@app.command()
def logs(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A training or processing job, or with --endpoint an endpoint.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    endpoint: Annotated[bool, typer.Option("--endpoint", help="NAME is an endpoint.")] = False,
) -> None:
    """Print what a job or an endpoint wrote.

    Example: `trainyard --local logs pipelines-abc123-Train-x1y2z3 --follow`
    """
    from trainyard.cli.tables import show_logs

    show_logs(_connection(context), name, follow=follow, endpoint=endpoint)


@app.command()
def endpoints(context: typer.Context) -> None:
    """List the endpoints.

    Example: `trainyard --local endpoints`
    """
    from trainyard.cli.tables import show_endpoints

    show_endpoints(_connection(context))


@app.command()
def report(
    context: typer.Context,
    execution: Annotated[
        list[str],
        typer.Argument(
            help="An execution's ARN, a pipeline's name for its newest execution, a training job, "
            "or the file that a Slurm job wrote; several are compared."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file.")] = Path("out/report.html"),
) -> None:
    """Write one HTML page about a run, or several side by side: losses, time line with alarms, goodput, serving, cost.

    Example: `trainyard --local report trainyard-local-bytes-lm -o out/report.html`
    """
    from trainyard.report.write import write_report

    typer.echo(write_report(_connection(context), execution, output))


@app.command()
def diff(
    base: Annotated[Path, typer.Argument(help="Cloud assembly before the change.", file_okay=False, exists=True)],
    head: Annotated[Path, typer.Argument(help="Cloud assembly after the change.", file_okay=False, exists=True)],
    only: Annotated[list[str] | None, typer.Option(help="Pattern of stack ids, as often as needed.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a comment for a pull request here.")] = None,
    allow_destructive: Annotated[bool, typer.Option("--allow-destructive", help="Report, but do not fail.")] = False,
) -> None:
    """Compare two cloud assemblies without credentials. The status is 1 when a resource would be destroyed or replaced.

    Example: `trainyard diff base.out cdk.out --only 'Prod/*' --markdown comment.md`
    """
    from trainyard.assembly import diff as comparison

    found = comparison.compare(base, head, only or ["*"])
    for each in found:
        typer.echo(each.text or f"Stack {each.stack}: no differences")
    if markdown is not None:
        markdown.write_text(comparison.markdown(found))
    destructive = [f"{each.stack}: {what}" for each in found for what in each.destructive]
    if destructive and not allow_destructive:
        raise CloudError(f"{len(destructive)} destructive changes, the first: {destructive[0]}")

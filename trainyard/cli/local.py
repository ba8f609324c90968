"""`trainyard local`: the embedded cloud."""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from trainyard.local.cloud import Cloud, Status

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="The embedded cloud on this machine. Examples: `trainyard local up` · `trainyard local status`",
)

_Port = Annotated[int | None, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)]


def _cloud(context: typer.Context, port: int | None = None) -> Cloud:
    _, cloud = context.obj
    return cloud if port is None else Cloud(state=cloud.state, port=port)


@app.command()
def up(context: typer.Context, port: _Port = None) -> None:
    """Start the cloud; nothing happens when it runs already.

    Example: `trainyard local up --port 4600`
    """
    status = _cloud(context, port).up()
    typer.echo(f"the embedded cloud listens on 127.0.0.1:{status.port} (process {status.pid}, state in {status.state})")


@app.command()
def status(context: typer.Context, port: _Port = None) -> None:
    """Say whether the cloud runs and what it holds. The status is 3 when it does not run.

    Example: `trainyard local status`
    """
    found = _cloud(context, port).status()
    typer.echo(_sentence(found))
    if not found.running:
        raise typer.Exit(3)


@app.command()
def down(context: typer.Context, port: _Port = None) -> None:
    """Stop the cloud and everything it runs. Its state stays.

    Example: `trainyard local down`
    """
    stopped = _cloud(context, port).down()
    typer.echo("stopped; the state stays" if stopped else "it was not running")


@app.command()
def reset(
    context: typer.Context,
    port: _Port = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Stop the cloud and delete everything it kept: stacks, objects, checkpoints, logs.

    Example: `trainyard local reset --yes`
    """
    cloud = _cloud(context, port)
    if not yes:
        typer.confirm(f"Delete all that the cloud in {cloud.state} keeps?", abort=True)
    cloud.reset()
    typer.echo("reset: nothing is left of it")


@app.command()
def env(context: typer.Context, port: _Port = None) -> None:
    """Print the variables that point any AWS tool at the embedded cloud.

    Example: `eval "$(trainyard local env)"; aws s3 ls`
    """
    for name, value in _cloud(context, port).environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def deploy(
    context: typer.Context,
    stacks: Annotated[
        list[str] | None, typer.Argument(help="Stacks of the assembly; all of `local` by default.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="STACK:NAME=VALUE.", metavar="STACK:NAME=VALUE")
    ] = None,
    assembly: Annotated[
        Path | None, typer.Option(help="A cloud assembly that exists already; without it the app is synthesised.")
    ] = None,
    port: _Port = None,
) -> None:
    """Deploy with the real CDK CLI and read every property back through the API.

    Example: `trainyard local deploy 'Local/**'`
    """
    from trainyard.cli.deploying import deploy_and_read_back
    from trainyard.cli.parameters import pairs

    cloud = _cloud(context, port)
    deploy_and_read_back(cloud, stacks or ["Local/**"], pairs(parameter or []), assembly, typer.echo)


def _sentence(found: Status) -> str:
    if not found.running:
        return f"not running on port {found.port}. Start it with `trainyard local up`"
    up_for = timedelta(seconds=round(found.uptime_seconds))
    return (
        f"running on 127.0.0.1:{found.port} for {up_for} (process {found.pid}): "
        f"{found.stacks} stacks, {found.jobs} running jobs, {found.endpoints} endpoints"
    )

"""`trainyard images`: whether what jobs and endpoints start from can be pulled."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from trainyard.cli.tables import print_table
from trainyard.operations.connection import connect

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Images in their registries.

    Examples: `trainyard images check prod` · `trainyard images check prod --assembly cdk.out`""",
)
_SOON = timedelta(days=90)


@app.callback()
def images() -> None:
    """Images in their registries."""


@app.command()
def check(
    context: typer.Context,
    environment: Annotated[str, typer.Argument(help="Short name of the environment, for example prod.")],
    assembly: Annotated[
        Path | None, typer.Option(help="A cloud assembly to take the images from, instead of what is deployed.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Ask the registries for each image that an environment's stacks name.

    The status is 0 only when all can be pulled. An image of AWS whose support ends within 90 days is marked.

    Examples: `trainyard images check prod` · `trainyard --local images check local --assembly cdk.out`
    """
    from trainyard.operations import images

    is_local, cloud = context.obj
    connection = connect(cloud if is_local else None)
    templates = (
        images.deployed(connection, environment) if assembly is None else images.synthesised(assembly, environment)
    )
    found = images.check(connection, templates)
    if as_json:
        typer.echo(json.dumps([image.to_json() for image in found], indent=1))
    else:
        soon = datetime.now(UTC).date() + _SOON
        rows = [
            (
                image.status,
                image.uri,
                str(len(image.stacks)),
                image.why or (f"support ends {ends}" if (ends := image.end_of_support) and ends <= soon else ""),
            )
            for image in found
        ]
        print_table(f"no stack of {environment} names an image of ECR", ("", "image", "stacks", ""), rows)
    if any(image.status != "there" for image in found):
        raise typer.Exit(1)

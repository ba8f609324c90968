"""`trainyard drift` and `trainyard deployed`: what is deployed beside what should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.operations.connection import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainyard.operations.drift import StackDrift


def drift(
    context: typer.Context,
    environment: Annotated[str, typer.Argument(help="For example prod.")],
    assembly: Annotated[
        Path | None,
        typer.Option(help="The artifact that was deployed last: its templates are compared too.", file_okay=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="For an issue or a job's summary.")] = False,
) -> None:
    """Let CloudFormation look for what was changed beside it. The status is 1 when something was, or cannot be told.

    Without `--assembly` the environment's stacks are those of the account whose names begin with it.

    Examples: `trainyard drift prod --assembly cdk.out` · `trainyard --local drift local --markdown`
    """
    from trainyard.operations.drift import chosen, deployed_names, detect

    if as_json and as_markdown:
        raise typer.BadParameter("give either --json or --markdown")
    is_local, cloud = context.obj
    wanted = chosen(assembly, environment) if assembly else []
    connection = connect(cloud if is_local else None)
    names = [stack.name for stack in wanted] or deployed_names(connection, environment)
    found = detect(connection, names, wanted)
    if as_json:
        typer.echo(json.dumps([stack.document() for stack in found], indent=1))
    else:
        typer.echo(markdown(environment, found) if as_markdown else plain(found))
    if any(stack.differs for stack in found):
        raise typer.Exit(1)


def deployed(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(help="Folder to be made.", file_okay=False)],
    assembly: Annotated[Path, typer.Option(help="Which stacks there are.", file_okay=False)] = Path("cdk.out"),
    only: Annotated[list[str] | None, typer.Option(help="Pattern of stack ids, as often as needed.")] = None,
) -> None:
    """Write the templates that are deployed as a cloud assembly, to compare another with it.

    Example: `trainyard deployed before.out --only 'Prod/*' && trainyard diff before.out cdk.out --only 'Prod/*'`
    """
    from trainyard.operations.deployed import fetch

    is_local, cloud = context.obj
    absent = fetch(connect(cloud if is_local else None), assembly, only or ["*"], output)
    typer.echo(str(output))
    for stack in absent:
        typer.echo(f"{stack} is not deployed", err=True)


def plain(found: Sequence[StackDrift]) -> str:
    """For a terminal."""
    lines = []
    for stack in found:
        lines.append(f"{stack.stack}: {'differs' if stack.differs else 'as deployed'}")
        if stack.failure:
            lines.append(f"  not checked: {stack.failure}")
        for resource in stack.resources:
            lines.append(f"  {resource.logical_id} ({resource.type}) {resource.physical_id}"
                         f"{': deleted' if resource.deleted else ''}")  # fmt: skip
            lines += [f"    {one.path}: the template says {one.expected}, it is {one.actual}"
                      for one in resource.properties]  # fmt: skip
        lines += [f"  template: {part} is not the artifact's" for part in stack.template]
    return "\n".join(lines)


def markdown(environment: str, found: Sequence[StackDrift]) -> str:
    """For an issue; whatever stands in a property is shown as code, so that it is nothing but text."""
    differing = [stack for stack in found if stack.differs]
    parts = [f"### Drift of {environment}", "", f"{len(differing)} of {len(found)} stacks differ.", ""]
    for stack in differing:
        parts += [f"#### {stack.stack}", ""]
        if stack.failure:
            parts += [f"Not checked: {_code(stack.failure)}", ""]
        if stack.resources:
            parts += ["| resource | property | template | is |", "| --- | --- | --- | --- |"]
            for resource in stack.resources:
                name = f"{_code(resource.logical_id)} {resource.type}"
                rows = [(_code(one.path), _code(one.expected), _code(one.actual)) for one in resource.properties]
                parts += [f"| {name} | {' | '.join(row)} |" for row in rows or [("", "", "**deleted**")]]
            parts.append("")
        if stack.template:
            parts += ["Parts of the template that are not the artifact's: "
                      + ", ".join(map(_code, stack.template)), ""]  # fmt: skip
    return "\n".join(parts).rstrip()


_LONGEST = 200
"""Characters of a value: policies are long, and a comment is not."""


def _code(text: str) -> str:
    flat = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return f"`{flat if len(flat) <= _LONGEST else flat[:_LONGEST] + '…'}`"

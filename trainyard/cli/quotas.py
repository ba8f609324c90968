"""`trainyard quotas`: what an assembly needs of an account's quotas, before it is deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def quotas(
    context: typer.Context,
    environment: Annotated[str, typer.Argument(help="Whose stacks: dev.")],
    assembly: Annotated[Path, typer.Option(help="A cdk.out folder.", file_okay=False)] = Path("cdk.out"),
    offline: Annotated[bool, typer.Option("--offline", help="Ask no account: print what is needed.")] = False,
) -> None:
    """Say which service quotas an environment needs, what the account has, and the command that asks for more.

    One execution of each pipeline, endpoints at their most and with the second fleet of an update, all nodes of
    clusters. The status is 1 where a quota is too low.

    Examples: `trainyard quotas dev` · `trainyard quotas prod --assembly cdk.out --offline`
    """
    from ml_contract.errors import reject
    from trainyard.cli.tables import print_table
    from trainyard.cost.templates import read
    from trainyard.operations.connection import connect
    from trainyard.quotas.account import compare
    from trainyard.quotas.needs import needs

    found = needs(read(assembly, environment=environment, conditional=True))
    is_local, _ = context.obj
    if is_local and not offline:
        reject("--local", environment, "the embedded cloud hires no instances and has no quotas", "Add --offline.")
    rows = list(compare(found.quotas, None if offline else connect(None)))
    print_table(
        "nothing that has a quota",
        ("quota", "code", "needed", "allowed", "in use", ""),
        [(row.name, row.code or "?", str(row.needed), _figure(row.allowed), _figure(row.used),
          "too low" if row.lacking else "") for row in rows],
    )  # fmt: skip
    for line in found.untold:
        typer.echo(f"not told by the template: {line}", err=True)
    lacking = [row for row in rows if row.lacking]
    if lacking:
        typer.echo(f"\n{len(lacking)} too low. Ask for them:")
        for row in lacking:
            typer.echo(f"  {row.request}")
        raise typer.Exit(1)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:g}"

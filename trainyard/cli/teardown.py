"""`trainyard teardown`: take an environment away."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer


def teardown(
    context: typer.Context,
    environment: Annotated[str, typer.Argument(help="Which one, as `cdk deploy 'ENV/**'` names it.", metavar="ENV")],
    assembly: Annotated[
        Path, typer.Option(help="The cloud assembly that it was deployed from.", file_okay=False)
    ] = Path("cdk.out"),
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what would be done, what bills and what stays.")
    ] = False,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Keep what holds data, and say what that costs.")
    ] = False,
    confirm: Annotated[
        list[str] | None,
        typer.Option(help="Do not ask: the environment's name, and the name of each thing that may lose its data."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --plan: print JSON.")] = False,
) -> None:
    """Delete an environment so that nothing bills, in an order that works, and no data that was not named.

    Run it again after an interruption: it looks at what there is and goes on. The status is 1 when something still
    bills that was not kept on purpose.

    Examples: `trainyard teardown dev --plan` · `trainyard teardown dev --keep-data` ·
    `trainyard --local teardown local --confirm local --keep-data`
    """
    from trainyard.operations.connection import OperationError, connect
    from trainyard.teardown import show, words
    from trainyard.teardown.assembled import read
    from trainyard.teardown.looking import Look
    from trainyard.teardown.plan import build, holds_data
    from trainyard.teardown.survey import survey
    from trainyard.teardown.verify import left, verdict
    from trainyard.teardown.work import Work

    is_local, cloud = context.obj
    connection, wanted = connect(cloud if is_local else None), read(assembly, environment)
    found = survey(Look(connection), wanted)
    full = build(found, () if keep_data else holds_data(found))
    if plan and as_json:
        typer.echo(json.dumps(show.document(full), indent=2))
        return
    for line in show.lines(full):
        typer.echo(line)
    if plan or not (full.steps or full.kept):
        if plan and full.steps:
            typer.echo(
                f"to be typed: {', '.join(show.to_type(full)[: None if not keep_data else 1 + found.protected])}"
            )
        return
    if confirm:
        go = words.given(found, confirm, keep_data=keep_data)
    else:
        go = words.typed(found, lambda text: typer.prompt(text, default="", show_default=False), typer.echo,
                         keep_data=keep_data)  # fmt: skip
    chosen, began = build(found, go), time.monotonic()
    Work(Look(connection), chosen, lambda line: typer.echo(f"{time.monotonic() - began:7.1f} s  {line}")).run()
    typer.echo("looking again")
    after = survey(Look(connection), wanted)
    _, says = verdict(after)
    typer.echo(says)
    kept = {each.what for each in chosen.kept}
    unmeant = [each.what for each in left(after) if each.bill.bills and each.what not in kept]
    if after.unseen or unmeant:
        raise OperationError(f"{len(unmeant)} bill that were not kept on purpose: {', '.join(unmeant) or says}")

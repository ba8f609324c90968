"""`trainyard checkpoints`: what a run has saved."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from ml_contract.checkpoint.objects import Objects
from ml_contract.errors import reject
from ml_contract.training.surroundings import Checkpointing
from trainyard.cli.parameters import seconds
from trainyard.cli.tables import print_table
from trainyard.operations.connection import OperationError, connect

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Checkpoints of a run: list, verify, prune.

    PLACE is `s3://bucket/prefix`, `file:///folder`, or the name of a training job.

    Examples: `trainyard checkpoints list s3://bucket/run` · `trainyard --local checkpoints verify JOB`""",
)

_Place = Annotated[str, typer.Argument(metavar="PLACE", help="s3://bucket/prefix, file:///folder, or a training job.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
_DEFAULT = Checkpointing()


def _objects(context: typer.Context, place: str) -> Objects:
    from trainyard.operations.objects import open_objects

    is_local, cloud = context.obj
    return open_objects(lambda: connect(cloud if is_local else None), place)


@app.command("list")
def list_checkpoints(context: typer.Context, place: _Place, as_json: _Json = False) -> None:
    """List what was saved, newest first, with what became of it.

    Examples: `trainyard checkpoints list s3://bucket/run` · `trainyard --local checkpoints list JOB --json`
    """
    from trainyard.operations import checkpoints

    objects = _objects(context, place)
    found = checkpoints.find(objects)
    if as_json:
        _print_json([one.to_json() for one in found])
        return
    rows = [
        (
            str(one.step),
            _when(one.when),
            str(one.commit.world_size) if one.commit else "",
            size(one.bytes),
            one.status,
            one.commit.run if one.commit else "",
            f"{one.loss:.4f}" if one.loss is not None else "",
            one.attempt.uuid,
        )
        for one in found
    ]
    columns = ("step", "when", "ranks", "size", "status", "run", "loss", "attempt")
    print_table(f"{objects.uri} holds no checkpoint", columns, rows)


@app.command()
def verify(
    context: typer.Context,
    place: _Place,
    step: Annotated[int | None, typer.Option(help="Only this step, file by file.", min=0)] = None,
    as_json: _Json = False,
) -> None:
    """Hold the content of checkpoints against their checksums. The status is 1 when one is damaged.

    In S3 the checksum that S3 keeps of each object is compared, without a download.

    Example: `trainyard checkpoints verify s3://bucket/run --step 1200`
    """
    from trainyard.operations import checkpoints

    objects = _objects(context, place)
    chosen = checkpoints.chosen(objects, checkpoints.find(objects), step)
    found = [checkpoints.verify(objects, one) for one in chosen]
    damaged = [one for one in found if one.findings]
    if as_json:
        _print_json([one.to_json() for one in found])
    else:
        rows = [
            (str(one.checkpoint.step), one.checkpoint.attempt.uuid, str(len(one.files)), size(one.checkpoint.bytes),
             "damaged" if one.findings else "sound") for one in found
        ]  # fmt: skip
        print_table("", ("step", "attempt", "files", "size", "result"), rows)
        if step is not None:
            files = [
                (record.name, size(record.size), record.crc64nvme, _result(record.name, one.findings))
                for one in found for record in one.files
            ]  # fmt: skip
            print_table("", ("file", "size", "crc64nvme", "result"), files)
        for one in damaged:
            for finding in one.findings:
                typer.echo(f"step {one.checkpoint.step}: {finding}")
    if damaged:
        raise OperationError(f"{len(damaged)} of {len(found)} checkpoints are damaged, the newest of step"
                             f" {damaged[0].checkpoint.step}: {damaged[0].findings[0]}")  # fmt: skip


@app.command()
def prune(
    context: typer.Context,
    place: _Place,
    keep_last: Annotated[int, typer.Option(help="Newest that stay, at least 2.")] = _DEFAULT.keep_last,
    keep_every: Annotated[int, typer.Option(help="Steps that it divides stay; 0: none.")] = _DEFAULT.keep_every,
    keep_best: Annotated[int, typer.Option(help="Those with the lowest loss that stay.")] = _DEFAULT.keep_best,
    incomplete_after: Annotated[
        str, typer.Option(help="What was never committed goes when it has not changed for this long.")
    ] = "24h",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: _Json = False,
) -> None:
    """Remove what a retention policy does not keep, after asking.

    Only checkpoints whose content was verified count as kept, so at least the two newest sound ones of each run stay.
    Damaged ones stay too. With --json and without --yes nothing is removed.

    Example: `trainyard checkpoints prune s3://bucket/run --keep-last 3 --keep-every 1000 --keep-best 1`
    """
    from trainyard.operations import checkpoints

    policy = Checkpointing(keep_last=keep_last, keep_every=keep_every, keep_best=keep_best)
    age = seconds(incomplete_after, "--incomplete-after")
    objects = _objects(context, place)
    plan = checkpoints.plan(objects, checkpoints.find(objects), policy, incomplete_after=age)
    if as_json:
        _print_json({**plan.to_json(), "carried_out": yes})
    else:
        for one in plan.damaged:
            typer.echo(f"step {one.checkpoint.step} is damaged and does not count: {one.findings[0]}")
        rows = [
            (str(removal.checkpoint.step), _when(removal.checkpoint.when), size(removal.checkpoint.bytes),
             removal.checkpoint.attempt.uuid, removal.reason) for removal in plan.removals
        ]  # fmt: skip
        print_table(
            f"nothing to remove: {len(plan.kept)} checkpoints stay", ("step", "when", "size", "attempt", "why"), rows
        )
    if not plan.removals or (as_json and not yes):
        return
    if not yes:
        if not sys.stdin.isatty():
            reject("--yes", False, "there is no terminal to ask at", "Give --yes to remove them.")
        typer.confirm(f"remove {len(plan.removals)} attempts, {size(plan.bytes)}?", abort=True)
    checkpoints.carry_out(objects, plan)
    if not as_json:
        typer.echo(f"removed {len(plan.removals)} attempts, {size(plan.bytes)}; {len(plan.kept)} checkpoints stay")


def size(count: float) -> str:
    """Bytes in the unit that a person reads."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _result(name: str, findings: tuple[str, ...]) -> str:
    return next((finding.removeprefix(f"{name} ") for finding in findings if finding.startswith(f"{name} ")), "sound")


def _when(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _print_json(document: Any) -> None:
    typer.echo(json.dumps(document, indent=1))

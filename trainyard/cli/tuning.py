"""`trainyard tune`: settings of a model, measured."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trainyard.cli.tables import print_table
from trainyard.load.generator import Level
from trainyard.load.request import Plain
from trainyard.operations.connection import OperationError, connect
from trainyard.tune.search import Candidate, Outcome, Rules, search
from trainyard.tune.settings import Settings


def tune(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A model.tar.gz, a repository's folder, or a model package's ARN.")],
    body: Annotated[
        Path | None, typer.Option(help="KServe v2 request to send, JSON; without it one is made.", dir_okay=False)
    ] = None,
    length: Annotated[
        int, typer.Option(help="What stands for -1 in the shapes of a request that is made.", min=1)
    ] = 16,
    concurrency: Annotated[str, typer.Option(help="Requests at once; the first is the lone request's.")] = "1,8,32",
    duration: Annotated[str, typer.Option(help="Time of each level, whole seconds.")] = "2s",
    rounds: Annotated[int, typer.Option(help="Repetitions, interleaved.", min=1)] = 3,
    margin: Annotated[float, typer.Option(help="Share that counts as noise.", min=0, max=0.5)] = 0.05,
    floor: Annotated[float, typer.Option(help="Microseconds that cost a lone request nothing.", min=0)] = 100,
    processors: Annotated[int | None, typer.Option(help="Processors that copies times threads may use.", min=1)] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write JSON here.", dir_okay=False)] = None,
) -> None:
    """Choose batching, copies and threads of a model by measuring them on a real Triton on this machine.

    What is slower for a lone request than no batching at all is out; of the rest the fastest under load wins. The
    result holds for the machine that it was measured on.

    Examples: `trainyard tune model.tar.gz` ·
    `trainyard --local tune arn:aws:sagemaker:…:model-package/NAME/1 -o tuned.json`
    """
    from trainyard.cli.parameters import seconds
    from trainyard.load.request import check_seconds
    from trainyard.load.sweep import read_levels
    from trainyard.tune.measure import measuring
    from trainyard.tune.probe import probe
    from trainyard.tune.server import running
    from trainyard.tune.source import fetch

    is_local, cloud = context.obj
    rules = Rules(levels=tuple(read_levels(concurrency)), rounds=rounds, margin=margin, floor=floor / 1e6)
    each = check_seconds(seconds(duration, "--duration"))
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="trainyard-tune-") as scratch:
        repository, name = fetch(model, Path(scratch), lambda: connect(cloud if is_local else None))
        with running(cloud.environments / "triton", repository, Path(scratch)) as server, console.status("") as status:
            server.load(name)
            configuration = server.configuration(name)
            _check(name, configuration)
            source = probe(server.url, configuration, length)
            if body is not None:
                source = Plain(url=source.url, body=body.read_bytes())

            def told(settings: Settings, level: Level) -> None:
                status.update(f"{settings}: {level.throughput:.0f}/s at {level.concurrency}")

            measure = measuring(server, name, configuration, source, rules.levels, each, told)
            found = search(measure, configuration["max_batch_size"], processors or _processors(), rules)
    print_outcome(found, str(configuration["backend"]), output, name)


def print_outcome(found: Outcome, backend: str, output: Path | None, name: str) -> None:
    """A table, what to paste, and JSON."""
    console = Console()
    columns = ("settings", *(f"/s at {level}" for level in found.rules.levels), "lone", "load", "spread", "")
    print_table("nothing was measured", columns, rows(found))
    best = found.best
    console.print(
        f"best: {best.settings}: {best.score:.2f} times the throughput under load of no batching, "
        f"{best.lone:.2f} times for a lone request; {found.rules.rounds} rounds, margin {found.rules.margin:.0%} "
        f"and {1e6 * found.rules.floor:.0f} µs",
        soft_wrap=True,
    )
    typer.echo(f"\n{best.settings.snippet(backend)}")
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(document(found, name), indent=1))
        typer.echo(f"\n{output}")


def rows(found: Outcome) -> list[tuple[str, ...]]:
    """A row a candidate, best first; those that are out last."""
    shown = []
    for each in sorted(found.candidates, key=lambda each: (bool(each.rejected), -each.score)):
        rates = [f"{each.throughput[level]:,.0f}" for level in found.rules.levels]
        note = each.rejected or ("best" if each == found.best else "")
        shown.append((str(each.settings), *rates, f"{each.lone:.2f}", f"{each.score:.2f}", f"{each.spread:.0%}", note))
    return shown


def document(found: Outcome, name: str) -> dict[str, object]:
    """As JSON."""
    return {
        "model": name,
        "best": _row(found.best),
        "candidates": [_row(each) for each in found.candidates],
        "levels": list(found.rules.levels),
        "rounds": found.rules.rounds,
        "margin": found.rules.margin,
        "floor_seconds": found.rules.floor,
        "processors": _processors(),
    }


def _row(candidate: Candidate) -> dict[str, object]:
    return {
        "settings": candidate.settings.document(),
        "throughput": {str(level): round(rate, 1) for level, rate in candidate.throughput.items()},
        "lone": round(candidate.lone, 4),
        "load": round(candidate.score, 4),
        "spread": round(candidate.spread, 4),
        "rejected": candidate.rejected,
    }


def _check(name: str, configuration: dict[str, object]) -> None:
    if configuration.get("platform") == "ensemble":
        raise OperationError(f"{name} is an ensemble, which has no settings of its own. Tune its parts")


def _processors() -> int:
    return len(os.sched_getaffinity(0))

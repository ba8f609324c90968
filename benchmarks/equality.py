"""The same seed and data give the same training, however it is spread: every strategy beside one rank.

Each case is the real loop in real processes on gloo. Losses and gradient norms of every step and all weights after the
last are held against those of one rank; the command fails when a row differs by more than the tolerance.
"""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.equality_cases import STEPS, Case, cases, references
from benchmarks.equality_ranks import RanksFailed, Trained, train, warm, write_data
from benchmarks.results import publish
from ml_contract.training.strategies import DeepSpeed

LOSS = 1e-5
"""Nats; float32 sums in another order differ by about 1e-6 at a loss of 5."""
NORM = 1e-4
"""Of the gradient norm, which is about 1; the same."""
WEIGHT = 2e-4
"""Of weights of about 1 after six updates of up to 1e-2: Adam's quotient blows up what a tiny gradient differs by."""
DOCUMENT = Path("docs/equality.md")
NOTES = (f"max |difference| from one rank over {STEPS} steps, float32, gloo; tolerances: loss {LOSS:.0e}, gradient norm"
         f" {NORM:.0e}, weight {WEIGHT:.0e}")  # fmt: skip


def compare(chosen: Sequence[Case]) -> list[dict[str, Any]]:
    """A row for each case; one that does not run at all has the reason as its result."""
    rows = []
    warm(deepspeed=any(isinstance(case.run.strategy, DeepSpeed) for case in chosen))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_data(folder / "data")
        wanted = {case.model for case in chosen}
        alone = {
            name: train(case.run, folder / name, folder / "data", ranks=1)
            for name, case in references().items() if name in wanted
        }  # fmt: skip
        for number, case in enumerate(chosen):
            began = time.perf_counter()
            row: dict[str, Any] = {"workload": case.model, "case": case.name, "ranks": case.ranks}
            try:
                found = train(case.run, folder / str(number), folder / "data", ranks=case.ranks, hosts=case.hosts,
                              trouble=case.trouble)  # fmt: skip
                row |= _judged(found, alone[case.model])
            except RanksFailed as error:
                row |= {"loss": "", "norm": "", "weight": "", "result": f"FAILED: {error}"}
            rows.append({**row, "seconds": round(time.perf_counter() - began, 1)})
            print(*rows[-1].values(), sep="  ", file=sys.stderr, flush=True)
    return rows


def _judged(found: Trained, expected: Trained) -> dict[str, str]:
    if len(found.losses) != len(expected.losses) or found.weights.keys() != expected.weights.keys():
        return {"loss": "", "norm": "", "weight": "", "result": "FAILED: other steps, or other names of weights"}
    differences = {
        "loss": max(abs(one - other) for one, other in zip(found.losses, expected.losses, strict=True)),
        "norm": max(abs(one - other) for one, other in zip(found.norms, expected.norms, strict=True)),
        "weight": max(float((found.weights[name] - value).abs().max()) for name, value in expected.weights.items()),
    }
    limits = {"loss": LOSS, "norm": NORM, "weight": WEIGHT}
    # Written so that a difference that is no number fails.
    wrong = [name for name, limit in limits.items() if not differences[name] <= limit]
    result = f"FAILED: {', '.join(wrong)}" if wrong else "equal"
    return {name: f"{value:.1e}" for name, value in differences.items()} | {"result": result}


def failing(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that are not equal."""
    return [row for row in rows if row["result"] != "equal"]


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    head = list(rows[0])
    lines = (head, ["---"] * len(head), *(row.values() for row in rows))
    table = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    return f"""# Equality of strategies

`make equality` trains three small language models with every strategy, in real processes on gloo, and fails when one
differs from one rank: the same weights by name, the same samples, the same loop.

Figures: {NOTES}. The two hosts of hybrid rows are simulated: each rank is told which ranks are its neighbours.

Written {datetime.now(UTC):%Y-%m-%d} with torch {torch.__version__}, Python {platform.python_version()}.

{table}
"""


def main() -> int:
    """Every case; 1 when a row fails."""
    rows = compare(cases())
    publish("equality", rows, NOTES)
    DOCUMENT.write_text(_markdown(rows))
    print(f"{len(rows) - len(failing(rows))} of {len(rows)} cases are equal: {DOCUMENT}")
    return 1 if failing(rows) else 0


if __name__ == "__main__":
    sys.exit(main())

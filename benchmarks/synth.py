"""Synth time: this app beside an empty stack, cold and warm, with and without CDK's validation.

Cold is a fresh process from its start to the written assembly; warm is a second app in the same process, when Python's
modules and jsii's kernel are loaded. The runs of the cases take turns, so that a noisy machine treats all alike.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROUNDS = 3
CASES = ("empty", "app")
_RESULT = "RESULT "


def main() -> None:
    """Measure every case and publish ratios to the empty stack."""
    from benchmarks.results import publish

    measured: dict[tuple[str, bool], list[dict[str, float]]] = {}
    for number in range(ROUNDS):
        for validation in (False, True):
            for case in CASES:
                print(f"round {number + 1} of {ROUNDS}: {case}, validation {'on' if validation else 'off'}", flush=True)
                measured.setdefault((case, validation), []).append(_fresh_process(case, validation=validation))
    rows = []
    for (case, validation), runs in measured.items():
        base = measured["empty", validation]
        resources = int(runs[0]["resources"])
        middle = {kind: statistics.median(run[kind] for run in runs) for kind in ("cold", "warm")}
        beside = {kind: statistics.median(run[kind] for run in base) for kind in ("cold", "warm")}
        rows.append(
            {
                "case": case,
                "validation": "on" if validation else "off",
                "resources": resources,
                "cold s": middle["cold"],
                "warm s": middle["warm"],
                "cold/empty": middle["cold"] / beside["cold"],
                "warm/empty": middle["warm"] / beside["warm"],
                "ms/resource": _per_resource(case, middle["warm"] - beside["warm"], resources),
            }
        )
    notes = f"medians of {ROUNDS} rounds; empty: one stack with one queue; ms/resource: warm, over empty"
    path = publish("synth", rows, notes)
    print(path)


def _per_resource(case: str, seconds: float, resources: int) -> float:
    return 0.0 if case == "empty" else 1000 * seconds / resources


def _fresh_process(case: str, *, validation: bool) -> dict[str, float]:
    environment = os.environ | {"CDK_VALIDATION": "true" if validation else "false", "PYTHONHASHSEED": "0"}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.synth", case], env=environment, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - began
    lines = [line for line in done.stdout.splitlines() if line.startswith(_RESULT)]
    if done.returncode != 0 or not lines:
        sys.exit(f"benchmarks.synth {case}: {done.stderr.strip().splitlines()[-1:]}")
    result: dict[str, float] = json.loads(lines[-1].removeprefix(_RESULT))
    return result | {"cold": wall - result["warm"]}


def _synthesise(case: str, folder: Path) -> None:
    import aws_cdk as cdk

    context: dict[str, Any] = json.loads(Path("cdk.json").read_text())["context"]
    app = cdk.App(context=context, outdir=str(folder))
    if case == "empty":
        cdk.CfnResource(cdk.Stack(app, "Empty"), "Queue", type="AWS::SQS::Queue")
    else:
        from environments import ENVIRONMENTS
        from stacks.guardrails import guard
        from stacks.platform_stage import PlatformStage

        for environment in ENVIRONMENTS:
            PlatformStage(app, environment)
        guard(app)
    app.synth()


def _case(case: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _synthesise(case, Path(folder) / "first")
        began = time.perf_counter()
        _synthesise(case, Path(folder) / "second")
        warm = time.perf_counter() - began
        templates = [json.loads(path.read_text()) for path in (Path(folder) / "first").rglob("*.template.json")]
    resources = sum(len(template.get("Resources", {})) for template in templates)
    print(_RESULT + json.dumps({"warm": warm, "resources": resources}))


if __name__ == "__main__":
    _case(sys.argv[1]) if len(sys.argv) > 1 else main()

"""``python -m benchmarks.gpu [--smoke] [--minutes M] [--resume] [--only WORDS]``: see the package."""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu import report
from benchmarks.gpu.rows import ROWS, SECONDS, Row
from benchmarks.gpu.settings import settings
from ml_contract.errors import ContractError

FOLDER = Path("out/benchmarks")
_ROW = "--row"


def main() -> int:
    """Measure row after row until all are there or the time is up; every row is written as soon as it is known."""
    options = _options()
    if options.row:
        return _in_this_process(Row(**json.loads(options.row)), Path(options.into), smoke=options.smoke)
    try:
        shapes = settings(smoke=options.smoke)
    except ContractError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    folder = Path(options.folder)
    results = report.load(folder / "gpu.json") if options.resume else {}
    deadline = time.monotonic() + 60 * options.minutes
    for row in ROWS:
        if row.name in results or not all(word in row.name for word in options.only):
            continue
        left = deadline - time.monotonic()
        started = time.monotonic()
        results[row.name] = _in_its_own_process(row, left, smoke=options.smoke)
        outcome = results[row.name].get("skipped", "measured")
        print(f"{row.name}: {outcome} ({time.monotonic() - started:.0f} s)", flush=True)
        text = report.write(folder, results, shapes, smoke=options.smoke)
    print("\n" + text if results else "no row has that name")
    print(folder / "gpu.json")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="tiny shapes on any machine, to see that all of it runs")
    parser.add_argument("--minutes", type=float, default=18, help="time for all rows; the rest is left for --resume")
    parser.add_argument("--resume", action="store_true", help="keep what an earlier call measured on this machine")
    parser.add_argument("--only", nargs="*", default=[], help="rows whose name has all of these words")
    parser.add_argument("--folder", default=str(FOLDER), help="where gpu.json and gpu.md go")
    parser.add_argument(_ROW, help=argparse.SUPPRESS)
    parser.add_argument("--into", help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_its_own_process(row: Row, left: float, *, smoke: bool) -> dict[str, Any]:
    if row.missing:
        return {"skipped": f"{' and '.join(row.missing)} not installed"}
    if left < 30:
        return {"skipped": "the time was up; go on with --resume"}
    with tempfile.TemporaryDirectory() as folder:
        into, log = Path(folder) / "row.json", Path(folder) / "log"
        command = [
            sys.executable,
            "-m",
            "benchmarks.gpu",
            _ROW,
            json.dumps(dataclasses.asdict(row)),
            "--into",
            str(into),
        ]
        # Compiling takes a CPU longer than all the rest, and shows nothing of the GPU's.
        environment = os.environ | ({"TORCH_COMPILE_DISABLE": "1"} if smoke else {})
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command + ["--smoke"] * smoke, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True,
                env=environment,
            )  # fmt: skip
        try:
            process.wait(min(left, SECONDS))
        except subprocess.TimeoutExpired:
            return {"skipped": f"not done after {min(left, SECONDS):.0f} s"}
        finally:
            # With all that it started; a session of its own holds nothing else.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if into.is_file():
            found: dict[str, Any] = json.loads(into.read_text())
            return found
        last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-1:]
        return {"skipped": f"it ended with {process.returncode}: {' '.join(last)[:300]}"}


def _in_this_process(row: Row, into: Path, *, smoke: bool) -> int:
    into.write_text(json.dumps(row.measure(settings(smoke=smoke))))
    return 0


if __name__ == "__main__":
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=True)
    status = main()
    sys.stdout.flush()
    # Threads of a tensor library may outlive the measurement.
    os._exit(status)

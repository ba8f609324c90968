"""Processor time of a request: what the engine takes of it, what the model's process adds, what the server adds.

Times of the processor, not of the clock: they hold on a busy machine too, and they say what throughput can be reached
where every process has a processor of its own: the engine's time over that of the model's process.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.results import publish
from benchmarks.serving import ENVIRONMENT, LEVELS, MODELS
from benchmarks.serving_models import NAME, Classifier, rows, session
from ml_contract.packaging import DynamicBatching
from trainyard.load.generator import fire
from trainyard.tune.probe import probe
from trainyard.tune.server import running
from trainyard.tune.settings import Settings

_TICK = os.sysconf("SC_CLK_TCK")
CASES = {"alone": Settings(), "joined": Settings(batching=DynamicBatching())}


def spent(pid: int) -> tuple[float, dict[int, float]]:
    """Seconds of processor time of a process, and of each of its children that live."""
    own, below = 0.0, {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the command, which is in brackets and may hold spaces: state, parent, …, utime, stime.
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        seconds = (int(fields[11]) + int(fields[12])) / _TICK
        if int(entry.parent.name) == pid:
            own = seconds
        elif int(fields[1]) == pid:
            below[int(entry.parent.name)] = seconds
    return own, below


def engine(graph: Path, batch: int, seconds: float) -> float:
    """Microseconds of a row, ``batch`` at a time."""
    run, given, count = session(graph), {"tokens": rows(batch)}, 0
    run.run(None, given)
    began, start = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        run.run(None, given)
        count += batch
    return 1e6 * (time.process_time() - start) / count


def measure(name: str, model: Classifier, seconds: float) -> list[dict[str, Any]]:
    """A row for each way to serve at each concurrency."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        repository = model.write(Path(scratch, "model"))
        graph = Path(scratch, "model", "artifact", "model.onnx")
        with running(ENVIRONMENT, repository, Path(scratch)) as server:
            server.load(NAME)
            configuration = server.configuration(NAME)
            source = probe(server.url, configuration, 1)
            for case, settings in CASES.items():
                server.load(NAME, settings.applied(configuration))
                fire(source.request(), LEVELS[-1], 1)
                for level in LEVELS:
                    print(f"{name}, {case}, {level} at once", file=sys.stderr, flush=True)
                    counts, before = server.counts(NAME), spent(server.pid)
                    answers = fire(source.request(), level, seconds).answers
                    after, batch = spent(server.pid), server.counts(NAME).mean_batch(counts)
                    own = 1e6 * (after[0] - before[0]) / answers
                    # The process of the settings before may end meanwhile: what it took is not this level's.
                    took = sum(seconds - before[1].get(pid, 0.0) for pid, seconds in after[1].items())
                    below = 1e6 * took / answers
                    alone = engine(graph, max(1, round(batch or 1)), seconds)
                    found.append({
                        "model": name, "case": case, "at once": level, "batch": batch or 1.0, "engine µs": round(alone),
                        "model's process µs": round(below), "server µs": round(own), "engine/process": alone / below,
                    })  # fmt: skip
    return found


def main() -> int:
    """Every model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=3, help="of a level")
    given = parser.parse_args()
    found = [row for name, model in MODELS.items() for row in measure(name, model, given.seconds)]
    publish(
        "serving-cpu",
        found,
        "processor time of one request; the engine runs batches of the size that the server formed",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

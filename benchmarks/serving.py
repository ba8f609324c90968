"""What a server costs and what batching brings: Triton beside the engine in one process and beside a plain server.

Three sizes of one model. Everything has one processor for the model (one copy, one thread); the load generator shares
the machine. The engine batched is the most that any server could reach: a loop over full batches of as many rows as
there are requests at once.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.results import publish
from benchmarks.serving_models import LARGEST_BATCH, NAME, Classifier, rows, session
from ml_contract.packaging import DynamicBatching
from trainyard.load.generator import Level, fire
from trainyard.load.request import Plain, Source
from trainyard.tune.measure import measuring
from trainyard.tune.probe import probe
from trainyard.tune.search import Rules, search
from trainyard.tune.server import Server, free_port, running
from trainyard.tune.settings import Settings

MODELS = {"small": Classifier(width=64), "middle": Classifier(width=256), "large": Classifier(width=1024)}
"""About 0.02, 0.3 and 5 ms of one processor a request."""
LEVELS = (1, 8, 32)
ENVIRONMENT = Path(".trainyard/envs/triton").absolute()
RAW, RAW_BATCHED, PLAIN = "engine", "engine batched", "FastAPI"
ALONE, JOINED, TUNED = "Triton alone", "Triton joined", "Triton tuned"
CASES = (RAW, RAW_BATCHED, PLAIN, ALONE, JOINED, TUNED)
Found = dict[str, dict[int, list[Level]]]


def engine(graph: Path, batch: int, seconds: float) -> Level:
    """Rows a second of onnxruntime alone, ``batch`` at a time, as a level of load."""
    run, given = session(graph), {"tokens": rows(batch)}
    run.run(None, given)
    took: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        run.run(None, given)
        took.append(time.perf_counter() - start)
    took.sort()
    p50, p95, p99 = (took[int(share * (len(took) - 1))] for share in (0.5, 0.95, 0.99))
    return Level(
        concurrency=batch, seconds=sum(took), answers=batch * len(took), troubles={}, p50=p50, p95=p95, p99=p99
    )  # fmt: skip


@contextmanager
def plain(graph: Path) -> Iterator[Plain]:
    """FastAPI with the graph."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.serving_plain", str(graph), str(port)])
    source = Plain(url=f"http://127.0.0.1:{port}/", body=rows(1).tobytes(), content_type="application/octet-stream")
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and fire(source.request(), 1, 1).answers == 0:
            assert process.poll() is None, "the plain server ended"
        yield source
    finally:
        process.terminate()
        process.wait(10)


def tuned(server: Server, source: Source, configuration: dict[str, Any], rounds: int) -> Settings:
    """What `trainyard tune` would say of one processor, of levels of a second."""
    measure = measuring(server, NAME, configuration, source, LEVELS, 1, lambda settings, _: _say(f"tuning {settings}"))
    return search(measure, LARGEST_BATCH, 1, Rules(levels=LEVELS, rounds=rounds)).best.settings


def asked(
    server: Server, source: Source, configuration: dict[str, Any], settings: Settings, seconds: float
) -> dict[int, Level]:
    """Triton with these settings, level by level, with the batches that it formed."""
    server.load(NAME, settings.applied(configuration))
    fire(source.request(), LEVELS[-1], 1)
    found = {}
    for concurrency in LEVELS:
        before = server.counts(NAME)
        level = fire(source.request(), concurrency, seconds)
        found[concurrency] = replace(level, batch=server.counts(NAME).mean_batch(before))
    return found


def compare(name: str, model: Classifier, rounds: int, seconds: float) -> tuple[Found, Settings]:
    """Every case at every level, in turns over the rounds; and what the tuner chose."""
    with tempfile.TemporaryDirectory() as scratch:
        repository = model.write(Path(scratch, "model"))
        graph = Path(scratch, "model", "artifact", "model.onnx")
        found: Found = {case: {level: [] for level in LEVELS} for case in CASES}
        with plain(graph) as other, running(ENVIRONMENT, repository, Path(scratch)) as server:
            server.load(NAME)
            configuration = server.configuration(NAME)
            source = probe(server.url, configuration, 1)
            best = tuned(server, source, configuration, min(rounds, 2))
            settings = {ALONE: Settings(), JOINED: Settings(batching=DynamicBatching()), TUNED: best}
            for turn in range(rounds):
                _say(f"{name}, round {turn + 1} of {rounds}")
                for level in LEVELS:
                    found[RAW][level].append(engine(graph, 1, seconds))
                    found[RAW_BATCHED][level].append(engine(graph, level, seconds))
                    found[PLAIN][level].append(fire(other.request(), level, seconds))
                for case, each in settings.items():
                    for level, measured in asked(server, source, configuration, each, seconds).items():
                        found[case][level].append(measured)
        troubles = {
            case: level.troubles for case, of in found.items() for each in of.values() for level in each if level.failed
        }
        assert not troubles, troubles
        _say(f"{name}: tuned to {best}")
        return found, best


def _middle(found: Found, case: str, level: int, figure: Callable[[Level], float]) -> float:
    return statistics.median(figure(each) for each in found[case][level])


def throughput(name: str, found: Found) -> list[dict[str, Any]]:
    """Answers a second, and what the tuned server's are of the others'."""
    shown = []
    for level in LEVELS:
        rate = {case: _middle(found, case, level, lambda each: each.throughput) for case in CASES}
        ratios = {f"tuned/{case}": rate[TUNED] / rate[case] for case in (RAW_BATCHED, ALONE, PLAIN)}
        shown.append({"model": name, "at once": level, **{case: round(rate[case]) for case in CASES}, **ratios})
    return shown


def latency(name: str, found: Found, best: Settings) -> list[dict[str, Any]]:
    """Milliseconds that requests wait, the batches that the tuned server formed, and what it was tuned to."""
    shown: list[dict[str, Any]] = []
    for level in LEVELS:
        row: dict[str, Any] = {"model": name, "at once": level}
        for case in (PLAIN, ALONE, JOINED, TUNED):
            row[f"{case} p50"] = 1000 * _middle(found, case, level, lambda each: each.p50)
            row[f"{case} p99"] = 1000 * _middle(found, case, level, lambda each: each.p99)
        batches = [each.batch for each in found[TUNED][level] if each.batch]
        shown.append({**row, "batch": statistics.median(batches) if batches else 1.0, "tuned to": str(best)})
    return shown


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Every model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2, help="of a level")
    given = parser.parse_args()
    found = {name: compare(name, model, given.rounds, given.seconds) for name, model in MODELS.items()}
    turns = f"medians of {given.rounds} rounds of {given.seconds} s"
    notes = f"answers a second; one processor for the model; {turns}"
    publish("serving", [row for name, (each, _) in found.items() for row in throughput(name, each)], notes)
    waits = [row for name, (each, best) in found.items() for row in latency(name, each, best)]
    publish("serving-latency", waits, f"milliseconds; {turns}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

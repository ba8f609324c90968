"""Loading on this machine: samples a second, and memory, of the training loader beside plain loops over the same bytes.

Every case hands out micro-batches of the same tensors, in a process of its own, in turns with the others; those that
read in one order must give the same content. S3 is a server on the loopback, once answering at once and once as far
away as S3 is; it is not S3.
"""

from __future__ import annotations

import hashlib
import multiprocessing as mp
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.far_s3 import far_s3
from benchmarks.loader_cases import CASES, FILE_LOOP, MICRO_BATCH, OBJECT_LOOP, Case
from benchmarks.loader_data import WRITERS, Kind, Place, Sizes, samples_of
from benchmarks.results import publish

ROUNDS = 3
COMPARED = 4
"""Micro-batches whose content is held against that of the other cases."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a case did in its time."""

    samples_s: float
    memory_mb: float
    """By which the peak of resident memory grew, each worker's growth added; pages of mapped files count."""
    digest: str
    """Of the first micro-batches."""


def main() -> None:
    """Measure and publish a table of tokens and one of images."""
    with tempfile.TemporaryDirectory() as folder:
        for kind in WRITERS:
            place = prepare(kind, Path(folder), Sizes())
            found = measured(place, ROUNDS)
            if wrong := differing(found):
                sys.exit(f"benchmarks.loader: {', '.join(wrong)}: not the content of the others of this order")
            print(publish(f"loader_{kind}", rows(found, place), _notes(place)))


def _notes(place: Place) -> str:
    sizes = place.sizes
    sample = f"windows of {sizes.window} tokens of two bytes" if place.kind == "tokens" else "JPEGs, decoded"
    return (
        f"medians of {ROUNDS} rounds of {sizes.seconds} s; {sample}, in micro-batches of {MICRO_BATCH}; a split of"
        f" {sizes.split_bytes >> 20} MiB in the page cache, shards of {sizes.shard_bytes >> 20} MiB, a buffer of"
        f" {sizes.buffer_bytes >> 20} MiB; away: time before S3 answers; /file, /boto3: by the samples/s of the loop by"
        " range over files, or over S3 as far away; memory: growth of the peak, mapped files and workers included"
    )


def prepare(kind: Kind, folder: Path, sizes: Sizes) -> Place:
    """Write a split."""
    print(f"writing {kind}", flush=True)
    WRITERS[kind](folder / kind, sizes)
    return Place(kind=kind, folder=folder / kind, uri=f"s3://bucket/{kind}", sizes=sizes)


def measured(place: Place, rounds: int, cases: Sequence[Case] = CASES) -> dict[Case, list[Measured]]:
    """The cases, ``rounds`` times in turns."""
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.loader_cases"])
    found: dict[Case, list[Measured]] = {case: [] for case in cases}
    with ExitStack() as stack:
        delays = {case.delay for case in cases if case.delay is not None}
        servers = {delay: stack.enter_context(far_s3(place.folder.parent, delay)) for delay in delays}
        for number in range(rounds):
            for case, results in found.items():
                print(f"round {number + 1} of {rounds}: {place.kind}, {_title(case)}", flush=True)
                receiver, sender = context.Pipe(duplex=False)
                environment = servers[case.delay or 0.0]
                process = context.Process(target=_process, args=(case, place, environment, sender))
                process.start()
                sender.close()
                try:
                    results.append(receiver.recv())
                except EOFError:
                    sys.exit(f"benchmarks.loader: {_title(case)}: its process ended with {process.exitcode}")
                process.join()
    return found


def _title(case: Case) -> str:
    away = f", {1000 * case.delay:.0f} ms away" if case.delay else ""
    return f"{case.name}{away}, {case.workers} workers"


def _process(case: Case, place: Place, environment: Mapping[str, str], sender: Any) -> None:
    import boto3
    import torch

    os.environ.update(environment)
    # As a worker of torch's has it; more would spin for the cores that the others need.
    torch.set_num_threads(1)
    # A child of a forkserver would have its loader's workers from a forkserver too.
    mp.set_start_method("fork", force=True)
    # What an SDK takes is none of a case's growth.
    boto3.client("s3")
    sender.send(measure(case, place))
    sender.close()


def measure(case: Case, place: Place) -> Measured:
    """One case in this process."""
    before = _peak(resource.RUSAGE_SELF)
    batches, digest = case.load(place), hashlib.sha256()
    for batch in (next(batches) for _ in range(COMPARED)):
        digest.update(batch.numpy().tobytes())
    samples, began = 0, time.perf_counter()
    while not samples or time.perf_counter() - began < place.sizes.seconds:
        samples += len(next(batches))
    took = time.perf_counter() - began
    # Workers end with their loader, and are counted then.
    del batches
    workers = case.workers * max(0.0, _peak(resource.RUSAGE_CHILDREN) - before)
    return Measured(
        samples_s=samples / took, memory_mb=_peak(resource.RUSAGE_SELF) - before + workers, digest=digest.hexdigest()
    )


def _peak(who: int) -> float:
    """Peak of resident memory, MB."""
    return resource.getrusage(who).ru_maxrss * 1024 / 1e6


def differing(found: Mapping[Case, Sequence[Measured]]) -> list[str]:
    """Cases that gave other content than the first of their order."""
    expected: dict[str, str] = {}
    return [
        _title(case)
        for case, results in found.items()
        if any(result.digest != expected.setdefault(case.order, result.digest) for result in results)
    ]


def rows(found: Mapping[Case, Sequence[Measured]], place: Place) -> list[dict[str, Any]]:
    """The table: medians, and ratios to the plain loops that read by range."""
    parts = samples_of(place)
    size = sum(part.length for sample in parts for part in sample) / len(parts)
    speed = {case: statistics.median(result.samples_s for result in results) for case, results in found.items()}
    loops = {case.delay: value for case, value in speed.items() if case.name in (FILE_LOOP, OBJECT_LOOP)}
    return [
        {
            "case": case.name, "away ms": "" if case.delay is None else f"{1000 * case.delay:.0f}",
            "workers": case.workers, "samples/s": round(speed[case]), "MB/s": f"{speed[case] * size / 1e6:.1f}",
            "/file": f"{speed[case] / loops[None]:.3f}",
            "/boto3": "" if case.delay is None else f"{speed[case] / loops[case.delay]:.2f}",
            "memory MB": round(max(result.memory_mb for result in results)),
        }
        for case, results in found.items()
    ]  # fmt: skip


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Figures of Slurm as a file for node_exporter: ``slurm_figures.py FILE [SECONDS]``, every SECONDS or once.

python3 3.8 or newer and Slurm's own commands, nothing else. The names are those of SckyzO/slurm_exporter. Where a
command fails the file stays as it was, and its age says so. Sources, read 2026-11-22: sinfo(1), squeue(1), sdiag(1).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Iterable, Tuple  # noqa: UP035  # of Python 3.8

STATES = {
    "allocated": "alloc", "completing": "alloc", "mixed": "mix", "idle": "idle", "down": "down", "unknown": "down",
    "future": "down", "drained": "drain", "draining": "drain", "fail": "fail", "failing": "fail",
}  # fmt: skip
"""Long states of sinfo, as the figures count them; what else there is (maint, reserved, planned) counts as other."""
COLUMNS = (("NodeList", 256), ("StateLong", 32), ("PartitionName", 128), ("CPUsState", 64), ("Gres", 512),
           ("GresUsed", 512))  # fmt: skip
FOR_NODES = ("Resources", "Priority")
"""Reasons of jobs that would run if there were more nodes."""
LIMIT = 20
"""Seconds that one command may take: a controller that is busy answers later."""
Figure = Tuple[str, float]  # noqa: UP006


def asked(*command: str) -> str:
    environment = {**os.environ, "SLURM_TIME_FORMAT": "standard"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=LIMIT)
    return done.stdout.decode()


def nodes(text: str) -> Iterable[Figure]:
    """Of sinfo's rows, one a node and partition: a node in two partitions is one node."""
    states: dict[str, str] = {}
    cpus: dict[str, list[int]] = {}
    gpus: dict[str, tuple[int, int]] = {}
    for row in text.splitlines():
        fields, begin = [], 0
        for _, width in COLUMNS:
            fields.append(row[begin : begin + width].strip())
            begin += width
        name, state, partition, processors, there, used = fields
        # A flag may follow: * does not answer, ~ is powered down, $ is in a maintenance.
        state = re.sub(r"[^a-z].*", "", state)
        states[name] = STATES.get(state, "other")
        allocated, _, _, total = (int(part) for part in processors.split("/"))
        sums = cpus.setdefault(partition, [0, 0])
        sums[0] += allocated
        sums[1] += total
        gpus[name] = (devices(used), devices(there))
    counted = Counter(states.values())
    for state in sorted({*STATES.values(), "other"}):
        yield f"slurm_nodes_{state}", counted[state]
    for partition, (allocated, total) in sorted(cpus.items()):
        yield f'slurm_partition_cpus_allocated{{partition="{partition}"}}', allocated
        yield f'slurm_partition_cpus_total{{partition="{partition}"}}', total
    yield "slurm_gpus_alloc", sum(used for used, _ in gpus.values())
    yield "slurm_gpus_total", sum(there for _, there in gpus.values())


def devices(resources: str) -> int:
    """GPUs of a list like ``gpu:h100:8(S:0-1),nic:2``, or of one in use, ``gpu:h100:3(IDX:0-2)``."""
    bare = re.sub(r"\([^)]*\)", "", resources)
    return sum(int(number) for number in re.findall(r"(?:^|,)gpu(?::[^:,]+)?:(\d+)", bare))


def jobs(text: str, partitions: Iterable[str], now: float) -> Iterable[Figure]:
    """Of squeue's rows, at a time in seconds since 1970. A partition without jobs has a zero, or its curve would end.

    How long the oldest job waits counts those alone that wait for nodes: not what is held, or follows another job.
    """
    waiting: Counter[tuple[str, str]] = Counter()
    running: Counter[str] = Counter()
    oldest: dict[str, float] = dict.fromkeys(partitions, 0)
    for partition in oldest:
        running[partition] = 0
        waiting[(partition, "None")] = 0
    for row in text.splitlines():
        partition, state, submitted, reason = row.split("|", 3)
        if state == "PENDING":
            waiting[(partition, reason)] += 1
            if reason in FOR_NODES:
                age = now - time.mktime(time.strptime(submitted, "%Y-%m-%dT%H:%M:%S"))
                oldest[partition] = max(oldest.get(partition, 0), age)
        elif state == "RUNNING":
            running[partition] += 1
    for (partition, reason), number in sorted(waiting.items()):
        yield f'slurm_queue_pending{{partition="{escaped(partition)}",reason="{escaped(reason)}"}}', number
    for partition, seconds in sorted(oldest.items()):
        yield f'slurm_queue_oldest_seconds{{partition="{escaped(partition)}"}}', round(seconds)
    for partition, number in sorted(running.items()):
        yield f'slurm_queue_running{{partition="{escaped(partition)}"}}', number


def scheduler(text: str) -> Iterable[Figure]:
    """Of sdiag: the first of both cycles is the main scheduler's, the second the backfill's."""
    for name, label in (("queue_size", "Agent queue size"), ("mean_cycle", "Mean cycle")):
        found = re.search(rf"^\s*{label}:\s*(\d+)", text, re.MULTILINE)
        # A controller that has not scheduled yet says no mean.
        yield f"slurm_scheduler_{name}", int(found.group(1)) if found else 0


def escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"")


def report() -> str:
    form = ",".join(f"{name}:{width}" for name, width in COLUMNS)
    found = list(nodes(asked("sinfo", "--noheader", "--Node", "--exact", f"--Format={form}")))
    partitions = asked("sinfo", "--noheader", "--format=%R").split()
    found += jobs(asked("squeue", "--noheader", "--array", "--format=%P|%T|%V|%r"), partitions, time.time())
    found += scheduler(asked("sdiag"))
    # The series of a metric stand together, or node_exporter refuses the file.
    named: dict[str, list[str]] = {}
    for series, value in found:
        named.setdefault(series.partition("{")[0], []).append(f"{series} {value}")
    lines = [line for name, rows in named.items() for line in (f"# TYPE {name} gauge", *rows)]
    return "\n".join(lines) + "\n"


def write(path: str, text: str) -> None:
    # The exporter must never see half of it, and does not look at what ends otherwise.
    new = Path(path + ".new")
    new.write_text(text, encoding="utf-8")
    new.chmod(0o644)
    new.replace(path)


def main(path: str, seconds: float = 0) -> None:
    while True:
        try:
            write(path, report())
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            if not seconds:
                raise
            print(f"slurm: {error}", file=sys.stderr)
        if not seconds:
            return
        time.sleep(seconds)


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:3]))

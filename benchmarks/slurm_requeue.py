"""Seconds from a loss under a job to its requeue and to the first new step, on a real Slurm: about four minutes.

`python -m benchmarks.slurm_requeue [--repeats 3]`. Root, and `make slurm` before.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import publish
from benchmarks.slurm_cluster import Cluster, job, obstacle
from trainyard.local.clusters.slurm_configuration import Timing

TIMING = Timing(node_lost=6, requeue_wait=5, kill_wait=6)
BETWEEN = 50
"""Steps that the job trains for before each loss."""
JOB = job("requeue", steps=100_000, checkpoint_steps=20)

Row = dict[str, float]


def without_power(*workers: str) -> Callable[[Cluster], Callable[[], None]]:
    """Takes workers' power; others of their names are there as soon as Slurm has queued the job again."""

    def harm(cluster: Cluster) -> Callable[[], None]:
        cluster.lose(*workers)
        return lambda: cluster.bring_back(*workers, replaced=True)

    return harm


def killed_rank(cluster: Cluster) -> Callable[[], None]:
    """SIGKILL to the trainer of a worker, which stays."""
    cluster.kill_rank("worker-2")
    return lambda: None


CASES: dict[str, Callable[[Cluster], Callable[[], None]]] = {
    "a worker loses power": without_power("worker-2"),
    "the host of the batch script does": without_power("worker-1"),
    "a rank is killed (kill -9)": killed_rank,
}
"""What is lost: each does the harm, and returns what repairs it."""


def measured(cluster: Cluster, number: str, harm: Callable[[Cluster], Callable[[], None]]) -> Row:
    """Seconds since the harm."""
    trained = len(cluster.losses(JOB, number))
    cluster.wait("training", lambda: len(cluster.losses(JOB, number)) >= trained + BETWEEN)
    before = cluster.losses(JOB, number)
    begun = time.time()
    repair = harm(cluster)
    noticed = cluster.wait("notice", lambda: cluster.state(number)["JobState"] != "RUNNING", 120)
    queued = cluster.wait("requeue", lambda: cluster.state(number)["JobState"] == "PENDING", 120)
    repair()
    running = cluster.wait("restart", lambda: cluster.state(number)["JobState"] == "RUNNING", 180)
    # Lines that were on their way when the harm was done are of the stay before.
    done = max(len(cluster.losses(JOB, number)), len(before))
    step = cluster.wait("a step", lambda: len(cluster.losses(JOB, number)) > done, 120)
    last = max(reached for reached, _ in cluster.losses(JOB, number)[:done])
    ahead = cluster.wait_for_new(JOB, number, done, last)
    return {
        "noticed s": noticed - begun, "queued again s": queued - begun, "running s": running - begun,
        "first step s": step - begun, "first new step s": ahead - begun,
    }  # fmt: skip


def round_of_all(cluster: Cluster) -> dict[str, Row]:
    """One job, and one loss after another under it."""
    begun = time.time()
    number = cluster.submit(JOB)
    first = cluster.wait_for_step(JOB, number, 1) - begun
    found = {
        name: {**measured(cluster, number, harm), "undisturbed first step s": first} for name, harm in CASES.items()
    }
    cluster.ask("scancel", number)
    cluster.wait_for_end(number)
    return found


def main() -> int:
    """Every case, some times; the medians."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.slurm_requeue")
    options.add_argument("--repeats", type=int, default=3)
    repeats = options.parse_args().repeats
    if reason := obstacle():
        print(f"no figures: {reason}", file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="trainyard-slurm-") as folder,
        Cluster(Path(folder) / "cluster", TIMING) as cluster,
    ):
        version = cluster.ask("sinfo", "--version").strip()
        rounds = [round_of_all(cluster) for _ in range(repeats)]
    rows = [
        {"what is lost": name, **{column: statistics.median(one[name][column] for one in rounds)
                                  for column in rounds[0][name]}}
        for name in CASES
    ]  # fmt: skip
    publish(
        "slurm-requeue", rows,
        "Seconds since the loss, medians. Two workers, controller and login node are namespaces of one machine, with "
        f"{version}. SlurmdTimeout {TIMING.node_lost} s (Slurm's own 300), cred_expire "
        f"{TIMING.requeue_wait} s (120), KillWait {TIMING.kill_wait} s (30): add the differences for a cluster that "
        "keeps Slurm's. Another machine of the lost one's name is there at once. A commit every 20 steps; `first step` "
        "repeats one since the last commit, `first new step` is the first that was never done.",
    )  # fmt: skip
    print(markdown(rows))
    return 0


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table as docs/benchmarks.md has it: two digits that count."""
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[value if isinstance(value, str) else _short(value) for value in row.values()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _short(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


if __name__ == "__main__":
    sys.exit(main())

"""Seconds from the loss of a worker to the requeue of its job and to the first new step, on a real Slurm.

`python -m benchmarks.slurm_requeue [--repeats 3]`. Root, and `make slurm` before.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.results import publish
from benchmarks.slurm_cluster import Cluster, job, obstacle
from constructs_lib.hyperpod.jobs.slurm import SlurmJob
from trainyard.local.clusters.slurm_configuration import Timing

TIMING = Timing(node_lost=10, requeue_wait=5, kill_wait=10)
LOST_AT = 50
JOB = job("requeue", steps=100_000, checkpoint_steps=20)
WORKER = "worker-2"

Row = dict[str, float]


def start(cluster: Cluster, submitted: SlurmJob) -> tuple[str, float]:
    """A job in the middle of its training; its number, and seconds from its submission to its first step."""
    begun = time.time()
    number = cluster.submit(submitted)
    first = cluster.wait_for_step(submitted, number, 1) - begun
    cluster.wait_for_step(submitted, number, LOST_AT)
    return number, first


def lost_node(cluster: Cluster) -> Row:
    """The worker loses its power; another machine of its name is there as soon as Slurm has queued the job again."""
    return measured(cluster, lambda: cluster.lose(WORKER), lambda: cluster.bring_back(WORKER, replaced=True))


def killed_rank(cluster: Cluster) -> Row:
    """SIGKILL to the trainer of the worker, which stays."""
    return measured(cluster, lambda: cluster.kill_rank(WORKER), lambda: None)


def measured(cluster: Cluster, harm: Callable[[], None], repair: Callable[[], None]) -> Row:
    """Seconds since the harm."""
    number, first = start(cluster, JOB)
    before = cluster.losses(JOB, number)
    begun = time.time()
    harm()
    noticed = cluster.wait("notice", lambda: cluster.state(number)["JobState"] != "RUNNING", 120)
    queued = cluster.wait("requeue", lambda: cluster.state(number)["JobState"] == "PENDING", 120)
    repair()
    running = cluster.wait("restart", lambda: cluster.state(number)["JobState"] == "RUNNING", 180)
    # Lines that were on their way when the harm was done are of the stay before.
    done = max(len(cluster.losses(JOB, number)), len(before))
    step = cluster.wait("a step", lambda: len(cluster.losses(JOB, number)) > done, 120)
    last = max(reached for reached, _ in cluster.losses(JOB, number)[:done])
    ahead = cluster.wait_for_new(JOB, number, done, last)
    cluster.ask("scancel", number)
    cluster.wait_for_end(number)
    return {
        "noticed s": noticed - begun, "queued again s": queued - begun, "running s": running - begun,
        "first step s": step - begun, "first new step s": ahead - begun, "undisturbed first step s": first,
    }  # fmt: skip


CASES: dict[str, Callable[[Cluster], Row]] = {
    "a worker loses power": lost_node,
    "a rank is killed (kill -9)": killed_rank,
}


def main() -> int:
    """Every case, some times; the medians."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.slurm_requeue")
    options.add_argument("--repeats", type=int, default=3)
    repeats = options.parse_args().repeats
    if reason := obstacle():
        print(f"no figures: {reason}", file=sys.stderr)
        return 1
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="trainyard-slurm-") as folder,
        Cluster(Path(folder) / "cluster", TIMING) as cluster,
    ):
        for name, case in CASES.items():
            found = [case(cluster) for _ in range(repeats)]
            medians = {column: statistics.median(row[column] for row in found) for column in found[0]}
            rows.append({"what is lost": name, **medians})
    publish(
        "slurm-requeue", rows,
        "Seconds since the loss, medians. Two workers, controller and login node are namespaces of one machine, with "
        f"Debian's Slurm 22.05. SlurmdTimeout {TIMING.node_lost} s (Slurm's own 300), cred_expire "
        f"{TIMING.requeue_wait} s (120), KillWait {TIMING.kill_wait} s (30): add the differences for a cluster that "
        "keeps Slurm's. Another machine of the lost one's name is there at once. A commit every 20 steps; `first step` "
        "repeats one since the last commit, `first new step` is the first that was never done.",
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Time between checkpoints: what a save writes, how long it takes, and how much work a reclaim can cost."""

from __future__ import annotations

import math

from ml_contract.checks import between
from ml_contract.sizing.memory import CHECKPOINT_BYTES
from ml_contract.sizing.needs import readable
from ml_contract.training.layout import World
from ml_contract.training.run import TrainingRun

ASSUMED_BYTES_PER_SECOND = 200e6
"""What one rank is assumed to write to S3 until a save was measured; an assumption of this project, 2026-11-21. A host
of eight then writes 1.6 GB/s, 12.8 Gbit/s, which every type with eight accelerators has as its network bandwidth."""
FIXED_SECONDS = 1.0
"""Of a save, the part that does not grow with its bytes: ranks agree, the manifest and COMMIT are written."""
PROMISE_SECONDS = 600.0
"""Work that a reclaim may cost at most: the ten-minute promise."""


def checkpoint_bytes(run: TrainingRun) -> int:
    """Bytes of one checkpoint, of all ranks together: 12 a parameter, which are itself in float32 and two moments."""
    return CHECKPOINT_BYTES * run.workload.size.parameters


def commit_lag(run: TrainingRun, world: World, *, bytes_per_second: float = ASSUMED_BYTES_PER_SECOND) -> float:
    """Seconds from the call of a save to its COMMIT.

    Every rank writes: torch.distributed.checkpoint stores what several ranks hold once, and deals it out among them.

    Args:
        run: The run.
        world: Its ranks.
        bytes_per_second: What one rank writes.
    """
    between("bytes_per_second", bytes_per_second, 0, 1e15, open_low=True)
    return FIXED_SECONDS + checkpoint_bytes(run) / world.size / bytes_per_second


def lost_work(
    run: TrainingRun, world: World, *, step_seconds: float = 0.0, bytes_per_second: float = ASSUMED_BYTES_PER_SECOND
) -> float:  # fmt: skip
    """Seconds of work that a reclaim can cost: everything since the call of the newest save that has its COMMIT.

    At worst the reclaim comes just before the next commit: one interval and one lag after that call. A save starts when
    ``every_steps`` or ``every_seconds`` have passed, whichever is first, at the end of a step, and not before the one
    before it has its commit.

    Args:
        run: The run.
        world: Its ranks.
        step_seconds: Of one step; 0 where it is not known yet, so that every_seconds alone counts.
        bytes_per_second: What one rank writes.
    """
    lag = commit_lag(run, world, bytes_per_second=bytes_per_second)
    interval = run.checkpointing.every_seconds
    if step_seconds > 0:
        interval = min(interval, run.checkpointing.every_steps * step_seconds) + step_seconds
    return max(interval, lag) + lag


def check_interval(
    run: TrainingRun, world: World, *, step_seconds: float = 0.0, bytes_per_second: float = ASSUMED_BYTES_PER_SECOND
) -> str | None:  # fmt: skip
    """Hold a run's checkpoints against the ten-minute promise.

    Returns:
        None where it holds; otherwise one line that says by how much it does not, and what to change.
    """
    lost = lost_work(run, world, step_seconds=step_seconds, bytes_per_second=bytes_per_second)
    if lost < PROMISE_SECONDS:
        return None
    lag = commit_lag(run, world, bytes_per_second=bytes_per_second)
    size = checkpoint_bytes(run)
    if 2 * lag < PROMISE_SECONDS:
        fitting = math.floor(PROMISE_SECONDS - lag - step_seconds) - 1
        way_out = f"Give checkpointing.every_seconds={max(1, fitting)} or less."
    else:
        ranks = math.floor(size / bytes_per_second / (PROMISE_SECONDS / 2 - FIXED_SECONDS)) + 1
        way_out = f"No interval is short enough: it takes {ranks} ranks or more that write."
    return (
        f"checkpointing.every_seconds: got {run.checkpointing.every_seconds:g}, and a commit follows an estimated"
        f" {lag:.0f} s later ({readable(size)} in all, {world.size} ranks at {bytes_per_second / 1e6:.0f} MB/s), so a"
        f" reclaim can cost {lost:.0f} s of work; {PROMISE_SECONDS:.0f} are promised. {way_out}"
    )


def optimal_interval(stall_seconds: float, failure_seconds: float) -> float:
    """The interval that costs the least time in all, saves and repeated work together.

    Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps", Future Generation Computer
    Systems 22 (2006); its first term is Young's, Communications of the ACM 17 (1974).

    Args:
        stall_seconds: For which training stands still at a save; with async saves the staging alone.
        failure_seconds: Mean time between two failures of the whole job.

    Returns:
        Seconds of work between two saves.
    """
    for field, value in (("stall_seconds", stall_seconds), ("failure_seconds", failure_seconds)):
        between(field, value, 0, 1e12, open_low=True)
    if stall_seconds >= 2 * failure_seconds:
        return failure_seconds
    share = stall_seconds / (2 * failure_seconds)
    young = math.sqrt(2 * stall_seconds * failure_seconds)
    return young * (1 + math.sqrt(share) / 3 + share / 9) - stall_seconds

"""Checkpoints of a place: what there is, whether it is sound, and what a retention policy would leave of it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from ml_contract.checkpoint.catalog import Attempt, attempts, commit_of, damage, inspect, remove
from ml_contract.checkpoint.documents import Commit, FileRecord
from ml_contract.checkpoint.errors import CorruptCheckpointError, IncompatibleCheckpointError
from ml_contract.checkpoint.objects import Objects
from ml_contract.checkpoint.retention import LOSS, Candidate, choose
from ml_contract.training.surroundings import Checkpointing
from trainyard.operations.connection import OperationError

THREADS = 8
"""Requests in flight; botocore keeps ten connections."""
Status = Literal["committed", "quarantined", "incomplete", "unreadable"]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """An attempt to save a step, and what became of it."""

    attempt: Attempt
    status: Status
    commit: Commit | None = None
    """What COMMIT says; None where there is none, or none that can be read."""
    detail: str = ""
    """Why it cannot be read."""

    @property
    def step(self) -> int:
        return self.attempt.step

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(entry.size for entry in self.attempt.entries.values())

    @property
    def when(self) -> float:
        """When it was committed, else when something in it last changed; seconds since the epoch."""
        return self.commit.committed_at if self.commit else self.attempt.modified

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        told = self.commit
        return {
            "step": self.step,
            "attempt": self.attempt.uuid,
            "prefix": self.attempt.prefix,
            "status": self.status,
            "when": self.when,
            "bytes": self.bytes,
            "world_size": told.world_size if told else None,
            "run": told.run if told else None,
            "config_hash": told.config_hash if told else None,
            "figures": dict(told.figures) if told else {},
            "detail": self.detail,
        }

    @property
    def loss(self) -> float | None:
        return self.commit.figures.get(LOSS) if self.commit else None


def find(objects: Objects) -> list[Checkpoint]:
    """All attempts of all runs at a place, newest first."""
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(lambda attempt: _read(objects, attempt), attempts(objects)))


def _read(objects: Objects, attempt: Attempt) -> Checkpoint:
    if not attempt.committed:
        return Checkpoint(attempt=attempt, status="incomplete")
    try:
        commit = commit_of(objects, attempt)
    except (CorruptCheckpointError, IncompatibleCheckpointError) as error:
        status: Status = "quarantined" if attempt.quarantined else "unreadable"
        return Checkpoint(attempt=attempt, status=status, detail=str(error))
    return Checkpoint(attempt=attempt, status="quarantined" if attempt.quarantined else "committed", commit=commit)


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was found in one checkpoint."""

    checkpoint: Checkpoint
    files: tuple[FileRecord, ...] = ()
    """Those that were held against their checksums; none where the documents themselves are damaged."""
    findings: tuple[str, ...] = ()
    """What is wrong, one line each; empty for a sound one."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        files = [{"name": record.name, "bytes": record.size, "crc64nvme": record.crc64nvme} for record in self.files]
        return {**self.checkpoint.to_json(), "files": files, "findings": list(self.findings)}


def verify(objects: Objects, checkpoint: Checkpoint) -> Verified:
    """Hold every file against its checksum: by what S3 stored with it, else by reading it."""
    try:
        files = tuple(inspect(objects, checkpoint.attempt).files.values())
    except (CorruptCheckpointError, IncompatibleCheckpointError) as error:
        return Verified(checkpoint=checkpoint, findings=(str(error),))
    with ThreadPoolExecutor(THREADS) as threads:
        found = threads.map(lambda record: damage(objects, checkpoint.attempt.prefix, [record]), files)
        return Verified(checkpoint=checkpoint, files=files, findings=tuple(line for lines in found for line in lines))


def chosen(objects: Objects, checkpoints: Iterable[Checkpoint], step: int | None) -> list[Checkpoint]:
    """Those to verify: all that claim to be sound, or every commit of one step.

    Raises:
        OperationError: There is none.
    """
    listed = list(checkpoints)
    if step is None:
        found = [one for one in listed if one.status in ("committed", "unreadable")]
    else:
        found = [one for one in listed if one.step == step and one.status != "incomplete"]
    if not found:
        what = "no checkpoint" if step is None else f"no checkpoint of step {step}"
        steps = sorted({one.step for one in listed if one.status != "incomplete"})
        there = (
            f"there are steps {', '.join(map(str, steps))}" if steps else f"{len(listed)} attempts were not committed"
        )
        raise OperationError(f"{objects.uri} has {what}: {there if listed else 'nothing lies there'}")
    return found


@dataclass(frozen=True, kw_only=True)
class Removal:
    """A checkpoint that goes."""

    checkpoint: Checkpoint
    reason: str


@dataclass(kw_only=True)
class Plan:
    """What a retention policy makes of a place."""

    kept: list[Checkpoint] = field(default_factory=list)
    damaged: list[Verified] = field(default_factory=list)
    """Found while verifying what stays. They neither count nor go."""
    removals: list[Removal] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """What the removals free."""
        return sum(removal.checkpoint.bytes for removal in self.removals)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "kept": [one.to_json() for one in self.kept],
            "damaged": [one.to_json() for one in self.damaged],
            "removed": [{**removal.checkpoint.to_json(), "reason": removal.reason} for removal in self.removals],
            "bytes": self.bytes,
        }


def plan(
    objects: Objects, checkpoints: Sequence[Checkpoint], policy: Checkpointing, *, incomplete_after: float
) -> Plan:
    """What would go, run by run: a policy keeps at least two, and only those whose content was verified count.

    Args:
        objects: The place.
        checkpoints: All that lie there.
        policy: What stays.
        incomplete_after: Seconds without a change after which an attempt that was never committed goes.
    """
    made = Plan()
    runs: dict[tuple[str, str], dict[str, Checkpoint]] = defaultdict(dict)
    for one in checkpoints:
        if one.commit is not None and one.status == "committed":
            runs[one.commit.run, one.commit.config_hash][one.attempt.uuid] = one
        elif one.status == "incomplete" and time.time() - one.attempt.modified > incomplete_after:
            made.removals.append(Removal(checkpoint=one, reason="never committed"))
    for commits in runs.values():
        _plan_run(objects, commits, policy, made)
    return made


def _plan_run(objects: Objects, commits: dict[str, Checkpoint], policy: Checkpointing, made: Plan) -> None:
    sound: set[str] = set()
    while True:
        choice = choose(
            (Candidate.of(one.attempt, one.commit) for one in commits.values() if one.commit is not None), policy
        )
        if len(choice.kept) == len(commits):
            break
        unread = [uuid for uuid in commits if uuid in choice.counted - sound]
        if not unread:
            break
        found = verify(objects, commits[unread[0]])
        if found.findings:
            made.damaged.append(found)
            del commits[unread[0]]
        else:
            sound.add(unread[0])
    made.kept += [one for uuid, one in commits.items() if uuid in choice.kept]
    made.removals += [
        Removal(checkpoint=one, reason="not kept") for uuid, one in commits.items() if uuid not in choice.kept
    ]


def carry_out(objects: Objects, made: Plan) -> None:
    """Remove what a plan names, each COMMIT before what it commits."""
    for removal in made.removals:
        remove(objects, removal.checkpoint.attempt)

"""Housekeeping after a commit. Only verified commits count, and a COMMIT is deleted before what it commits."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

from ml_contract.checkpoint.catalog import Attempt, attempts, commit_of, damage, inspect, remove
from ml_contract.checkpoint.documents import Commit, FileRecord
from ml_contract.checkpoint.errors import CorruptCheckpointError, IncompatibleCheckpointError
from ml_contract.checkpoint.retention import Candidate, choose
from ml_contract.training.surroundings import Checkpointing
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.options import EventKind, RunIdentity
from training_code.checkpoint.quarantine import quarantine
from training_code.checkpoint.storage import Storage

Report = Callable[[EventKind, Attempt, str], None]
"""(kind of event, attempt, reason)"""


class Interrupted(Exception):
    """Housekeeping was put off."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """Files whose content all ranks are to verify together."""

    prefix: str
    records: tuple[FileRecord, ...]


class Retention:
    """Keeps what the policy chooses among the verified commits of a run, and clears away what dead attempts left.

    Commits of other runs and quarantined ones are neither counted nor touched. A verified commit is not read again
    while the listing shows the same sizes and times.
    """

    def __init__(
        self,
        storage: Storage,
        identity: RunIdentity,
        *,
        policy: Checkpointing,
        leftover_age_s: float,
        report: Report,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        """``interrupted`` is asked often; once it says yes, :meth:`run` ends with Interrupted on every rank."""
        self._interrupted = interrupted
        self._storage, self._identity, self._report = storage, identity, report
        self._policy, self._leftover_age_s = policy, leftover_age_s
        self._verified: dict[str, object] = {}
        self._ours: dict[str, Commit | None] = {}

    def run(self, ranks: Ranks) -> None:
        """Collective: rank 0 decides and deletes, all ranks share the reading."""
        decisions = self.decisions()
        findings: list[str] | None = None
        while request := ranks.first(partial(decisions.send, findings)):
            share = request.records[ranks.rank :: ranks.size]
            found = ranks.each(partial(self._damage, request.prefix, share))
            findings = [line for rank in found for line in rank]

    def _damage(self, prefix: str, records: Sequence[FileRecord]) -> list[str]:
        found: list[str] = []
        for record in records:
            if self._interrupted():
                raise Interrupted
            found += damage(self._storage, prefix, [record])
        return found

    def decisions(self) -> Generator[Request | None, Sequence[str] | None, None]:
        """Yields what has to be verified next, takes the findings, and yields None when everything is done."""
        if self._interrupted():
            raise Interrupted
        listed = attempts(self._storage)
        ours = {
            attempt.uuid: candidate
            for attempt in listed
            if attempt.committed and not attempt.quarantined and (candidate := self._candidate(attempt))
        }
        if len(choose(ours.values(), self._policy).kept) < len(ours):
            yield from self._retire(ours)
        for attempt in listed:
            unused = time.time() - attempt.modified
            if not attempt.committed and not attempt.quarantined and unused > self._leftover_age_s:
                self._remove(attempt, f"never committed, unchanged for {unused:.0f} s")
        yield None

    def _retire(self, ours: dict[str, Candidate]) -> Generator[Request, Sequence[str] | None, None]:
        # What stays is read before anything goes: a damaged commit must take no other's place.
        while damaged := (yield from self._first_damaged(ours)):
            del ours[damaged]
        for uuid in ours.keys() - choose(ours.values(), self._policy).kept:
            self._remove(ours[uuid].attempt, "neither among the newest nor kept for its step or loss")

    def _first_damaged(self, ours: dict[str, Candidate]) -> Generator[Request, Sequence[str] | None, str | None]:
        counted = choose(ours.values(), self._policy).counted
        for uuid, candidate in ours.items():
            if uuid in counted and not (yield from self._sound(candidate.attempt)):
                return uuid
        return None

    def _sound(self, attempt: Attempt) -> Generator[Request, Sequence[str] | None, bool]:
        seen = sorted((name, entry.size, entry.modified) for name, entry in attempt.entries.items())
        if self._verified.get(attempt.uuid) == seen:
            return True
        try:
            snapshot = inspect(self._storage, attempt)
            findings = yield Request(prefix=attempt.prefix, records=tuple(snapshot.files.values()))
        except CorruptCheckpointError as error:
            findings = [str(error)]
        if findings:
            quarantine(self._storage, attempt, findings)
            self._report("quarantined", attempt, "; ".join(findings))
            return False
        self._verified[attempt.uuid] = seen
        return True

    def _candidate(self, attempt: Attempt) -> Candidate | None:
        if attempt.uuid not in self._ours:
            ours = None
            # One that cannot be read does not count. A restore says why, and puts it in quarantine if it is damaged.
            with contextlib.suppress(CorruptCheckpointError, IncompatibleCheckpointError):
                commit = commit_of(self._storage, attempt)
                if RunIdentity(name=commit.run, config_hash=commit.config_hash) == self._identity:
                    ours = commit
            self._ours[attempt.uuid] = ours
        known = self._ours[attempt.uuid]
        return Candidate.of(attempt, known) if known else None

    def _remove(self, attempt: Attempt, reason: str) -> None:
        remove(self._storage, attempt)
        self._report("retired", attempt, reason)

"""Which checkpoints go. Only verified commits count, and a COMMIT is deleted before what it commits."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from training_code.checkpoint.catalog import Attempt, attempts, damage, inspect, quarantine, read_identity
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.errors import CorruptCheckpointError, IncompatibleCheckpointError
from training_code.checkpoint.manifest import COMMIT, FileRecord
from training_code.checkpoint.options import RunIdentity
from training_code.checkpoint.storage import Storage

Report = Callable[[str, Attempt, str], None]
"""(kind of event, attempt, reason)"""


class Interrupted(Exception):
    """Housekeeping was put off."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """Files whose content all ranks are to verify together."""

    prefix: str
    records: tuple[FileRecord, ...]


class Retention:
    """Keeps the newest ``keep`` verified commits of a run, and clears away what dead attempts left.

    Commits of other runs and quarantined ones are neither counted nor touched. A verified commit is not read again
    while the listing shows the same sizes and times.
    """

    def __init__(
        self,
        storage: Storage,
        identity: RunIdentity,
        *,
        keep: int,
        leftover_age_s: float,
        report: Report,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        """``interrupted`` is asked often; once it says yes, :meth:`run` ends with Interrupted on every rank."""
        assert keep >= 2
        self._interrupted = interrupted
        self._storage, self._identity, self._report = storage, identity, report
        self._keep, self._leftover_age_s = keep, leftover_age_s
        self._verified: dict[str, object] = {}
        self._ours: dict[str, bool] = {}

    def run(self, ranks: Ranks) -> None:
        """Collective: rank 0 decides and deletes, all ranks share the reading."""
        decisions, findings = self.decisions(), None
        while request := ranks.first(lambda answer=findings: decisions.send(answer)):  # type: ignore[misc]
            share = request.records[ranks.rank :: ranks.size]
            found = ranks.each(lambda part=share, of=request: self._damage(of.prefix, part))  # type: ignore[misc]
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
        ours = [attempt for attempt in listed if attempt.committed and not attempt.quarantined and self._own(attempt)]
        kept: list[Attempt] = []
        # Nothing is read unless something is to go.
        for attempt in ours if len(ours) > self._keep else ():
            if len(kept) == self._keep:
                self._remove(attempt, "older than those that are kept")
            elif (yield from self._sound(attempt)):
                kept.append(attempt)
        for attempt in listed:
            unused = time.time() - attempt.modified
            if not attempt.committed and not attempt.quarantined and unused > self._leftover_age_s:
                self._remove(attempt, f"never committed, unchanged for {unused:.0f} s")
        yield None

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

    def _own(self, attempt: Attempt) -> bool:
        if attempt.uuid not in self._ours:
            try:
                self._ours[attempt.uuid] = read_identity(self._storage, attempt) == self._identity
            except (CorruptCheckpointError, IncompatibleCheckpointError):
                # Not to be counted. A restore says why, and puts it in quarantine if it is damaged.
                self._ours[attempt.uuid] = False
        return self._ours[attempt.uuid]

    def _remove(self, attempt: Attempt, reason: str) -> None:
        if attempt.committed:
            # First, and alone: whatever happens next, nobody takes the rest for a checkpoint.
            self._storage.delete(f"{attempt.prefix}/{COMMIT}")
        rest = [f"{attempt.prefix}/{name}" for name in attempt.entries if name != COMMIT]
        with ThreadPoolExecutor(8, "checkpoint-retire") as threads:
            list(threads.map(self._storage.delete, rest))
        self._report("retired", attempt, reason)

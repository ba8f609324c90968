"""The way back: the newest commit of all tiers that is ours and proves sound, agreed on by all ranks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch.distributed.checkpoint.state_dict_loader import load

from ml_contract.checkpoint.catalog import Attempt, Snapshot
from ml_contract.checkpoint.documents import Commit, state_name
from ml_contract.checkpoint.errors import CorruptCheckpointError, IncompatibleCheckpointError, StorageError
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.options import EventKind, Restored, RunIdentity, Tier
from training_code.checkpoint.pieces import Content, Piece
from training_code.checkpoint.plain_state import PlainState
from training_code.checkpoint.reader import VerifiedReader
from training_code.checkpoint.saving import explained
from training_code.checkpoint.sources import Candidate, Source
from training_code.checkpoint.state import Stateful, materialize, unpack

Report = Callable[[EventKind, Attempt, str, Tier], None]
"""(kind of event, attempt, reason, tier)"""
DAMAGED = "is damaged"


@dataclass(kw_only=True)
class Restorer:
    """Finds and loads a commit. Every method that takes part in a collective is called on every rank."""

    durable: Source
    nearer: Sequence[Source] = ()
    """Further tiers. What they lack or hold damaged costs nothing but a look: the durable one decides alone whether
    there is something that a person has to look after."""
    identity: RunIdentity
    ranks: Ranks
    report: Report
    begins: bool = False
    """Whether the commits are another run's, from which this one begins: they share what ``base_hash`` is of."""
    _refused: dict[str, str] = field(default_factory=dict)
    _unread: StorageError | None = None

    def restore(self, state: Mapping[str, Stateful]) -> Restored | None:
        """Load the newest sound commit into ``state``; None when nothing was ever committed here.

        Raises:
            IncompatibleCheckpointError: There are only other runs' commits, or the commit does not fit ``state``.
            CorruptCheckpointError: There are commits of this run, and none is sound.
            StorageError: The durable storage cannot be read, and no other tier has a sound commit.
        """
        started = time.monotonic()
        candidates = self._candidates()
        for number, candidate in enumerate(candidates):
            if candidate.source is self.durable and self._unread is not None:
                continue
            try:
                snapshot = self._opened(candidate)
                if snapshot is None:
                    continue
                read = self._load(candidate.source, snapshot, state)
            except CorruptCheckpointError as error:
                # The same on every rank: they agreed on it.
                self._condemn(candidate, error)
                continue
            except StorageError as error:
                if all(later.source is self.durable for later in candidates[number + 1 :]):
                    raise
                self._unread = error
                continue
            if self._unread is not None:
                self._told("warning", candidate, f"a newer one may be durable, which could not be read: {self._unread}")
            return Restored(
                step=snapshot.commit.step,
                attempt=snapshot.attempt.uuid,
                uri=candidate.source.place(snapshot.attempt),
                tier=candidate.source.tier,
                begun=self.begins,
                world_size=snapshot.commit.world_size,
                seconds=time.monotonic() - started,
                bytes=read,
            )
        if self._unread is not None:
            raise self._unread
        durable = [candidate for candidate in candidates if candidate.source is self.durable]
        if durable:
            # Starting again from nothing would throw away days without a word: that is for a person to decide.
            reasons = [self._refused[candidate.attempt.uuid] for candidate in durable]
            damaged = any(why.startswith(DAMAGED) for why in reasons)
            kind = CorruptCheckpointError if damaged else IncompatibleCheckpointError
            raise kind(
                f"{self.durable.uri}: none of {len(durable)} commits can be resumed from; the newest, step"
                f" {durable[0].attempt.step}, {reasons[0]}. Give another checkpoint_uri to start anew."
            )
        return None

    def _candidates(self) -> list[Candidate]:
        """Of all tiers, newest first."""
        nearer = [candidate for source in self.nearer for candidate in source.listed()]
        durable: list[Candidate] = []
        try:
            durable = self.durable.listed()
        except StorageError as error:
            if not nearer:
                raise
            self._unread = error
        return sorted([*nearer, *durable], key=lambda candidate: candidate.order, reverse=True)

    def _opened(self, candidate: Candidate) -> Snapshot | None:
        """Its documents, where they are sound and of this run; else why not is noted."""
        uuid = candidate.attempt.uuid
        if candidate.quarantined:
            self._refused[uuid] = f"{DAMAGED}: it is in quarantine"
            return None
        try:
            snapshot = candidate.source.opened(candidate)
            self._check_identity(snapshot.commit)
        except IncompatibleCheckpointError as error:
            self._refused[uuid] = str(error)
            self._told("warning", candidate, f"passed over: {error}")
        except CorruptCheckpointError as error:
            self._condemn(candidate, error)
        else:
            return snapshot
        return None

    def _check_identity(self, commit: Commit) -> None:
        if commit.run != self.identity.name:
            raise IncompatibleCheckpointError(f"belongs to run {commit.run!r}, this is {self.identity.name!r}")
        if self.begins:
            if not commit.base_hash or commit.base_hash != self.identity.base_hash:
                raise IncompatibleCheckpointError("was made with another workload, data, global_batch_size or seed")
            return
        if commit.config_hash != self.identity.config_hash:
            raise IncompatibleCheckpointError(
                f"was made with configuration {commit.config_hash[:12]}, this run has {self.identity.config_hash[:12]}"
            )

    def _condemn(self, candidate: Candidate, error: Exception) -> None:
        self._refused[candidate.attempt.uuid] = f"{DAMAGED}: {error}"
        unmarked = candidate.source.condemn(candidate, str(error))
        if unmarked:
            self._told("warning", candidate, f"no mark of quarantine could be written: {unmarked}")
        self._told("quarantined", candidate, str(error))

    def _told(self, kind: EventKind, candidate: Candidate, detail: str) -> None:
        if self.ranks.rank == 0:
            self.report(kind, candidate.attempt, detail, candidate.source.tier)

    def _load(self, source: Source, snapshot: Snapshot, state: Mapping[str, Stateful]) -> int:
        """Verify everything, then load it. Returns the bytes that this rank read."""
        commit, attempt = snapshot.commit, snapshot.attempt
        missing = sorted(set(state) - set(commit.state))
        if missing:
            raise IncompatibleCheckpointError(
                f"{source.place(attempt)}: holds {sorted(commit.state)}, but not {missing}"
            )  # fmt: skip
        metadata, own = self._documents(source, snapshot, state)
        targets = materialize({name: item for name, item in state.items() if commit.state[name] == "sharded"})
        reader = VerifiedReader(snapshot, metadata, lambda pieces: self._fetched(source, snapshot, pieces), self._agree)
        with explained(f"{source.place(attempt)} was not loaded", IncompatibleCheckpointError):
            load(targets.sharded, storage_reader=reader, process_group=self.ranks.group)
        for name, item in state.items():
            item.load_state_dict(targets.sharded[name] if name in targets.sharded else own[name])
        return reader.bytes_read + len(metadata)

    def _documents(
        self, source: Source, snapshot: Snapshot, state: Mapping[str, Stateful]
    ) -> tuple[bytes, dict[str, Any]]:
        """The metadata, and the plain state of this rank, by name; verified on every rank."""
        plan = PlainState(snapshot.commit, state, rank=self.ranks.rank, world_size=self.ranks.size)
        records = [snapshot.commit.metadata, *(snapshot.files[state_name(rank)] for rank in plan.needed)]
        contents = self._fetched(source, snapshot, [Piece.whole(record) for record in records])
        self._agree([content for content in contents if isinstance(content, str)])
        metadata, *states = (bytes(content) for content in contents if not isinstance(content, str))
        return metadata, plan.choose({rank: unpack(data) for rank, data in zip(plan.needed, states, strict=True)})

    def _fetched(self, source: Source, snapshot: Snapshot, pieces: Sequence[Piece]) -> list[Content]:
        """This rank's pieces. A storage that failed one rank failed them all: nobody waits for the one."""
        contents: list[Content] = []
        error: StorageError | None = None
        try:
            contents += source.fetch(snapshot, pieces)
        except StorageError as cause:
            error = cause
        for failure in self.ranks.all(error):
            if failure is not None:
                raise failure
        return contents

    def _agree(self, findings: Sequence[str]) -> None:
        found = [line for rank in self.ranks.all(list(findings)) for line in rank]
        if found:
            raise CorruptCheckpointError("; ".join(sorted(set(found))))

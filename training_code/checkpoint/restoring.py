"""The way back: the newest commit that is ours and proves sound, agreed on by all ranks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch.distributed.checkpoint.state_dict_loader import load

from ml_contract.checkpoint.catalog import Attempt, Snapshot, attempts, document, inspect
from ml_contract.checkpoint.documents import Commit, state_name
from ml_contract.checkpoint.errors import CorruptCheckpointError, IncompatibleCheckpointError, StorageError
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.options import CheckpointOptions, Restored, RunIdentity
from training_code.checkpoint.plain_state import PlainState
from training_code.checkpoint.quarantine import quarantine
from training_code.checkpoint.reader import VerifiedReader
from training_code.checkpoint.saving import explained
from training_code.checkpoint.state import Stateful, materialize, unpack
from training_code.checkpoint.storage import Storage

Report = Callable[[str, Attempt, str], None]
DAMAGED = "is damaged"


@dataclass(kw_only=True)
class Restorer:
    """Finds and loads a commit. Every method that takes part in a collective is called on every rank."""

    storage: Storage
    identity: RunIdentity
    options: CheckpointOptions
    ranks: Ranks
    report: Report
    begins: bool = False
    """Whether the commits are another run's, from which this one begins: they share what ``base_hash`` is of."""

    def restore(self, state: Mapping[str, Stateful]) -> Restored | None:
        """Load the newest sound commit into ``state``; None when nothing was ever committed here.

        Raises:
            IncompatibleCheckpointError: There are only other runs' commits, or the commit does not fit ``state``.
            CorruptCheckpointError: There are commits of this run, and none is sound.
            StorageError: The storage cannot be read; that says nothing about the checkpoints.
        """
        started = time.monotonic()
        refused: dict[str, str] = {}
        while snapshot := self.ranks.first(lambda: self._newest(refused)):
            try:
                read = self._load(snapshot, state)
            except CorruptCheckpointError as error:
                # The same on every rank: they agreed on it.
                self.ranks.first(lambda snapshot=snapshot, error=error: self._condemn(snapshot.attempt, error, refused))  # type: ignore[misc]
                continue
            return Restored(
                step=snapshot.commit.step,
                attempt=snapshot.attempt.uuid,
                uri=self.storage.place(snapshot.attempt.prefix),
                begun=self.begins,
                world_size=snapshot.commit.world_size,
                seconds=time.monotonic() - started,
                bytes=read,
            )
        return None

    def _newest(self, refused: dict[str, str]) -> Snapshot | None:
        """Rank 0: the newest commit whose documents are sound. ``refused`` collects the others, with reasons."""
        listed = [attempt for attempt in attempts(self.storage) if attempt.committed]
        for attempt in listed:
            if attempt.quarantined:
                refused.setdefault(attempt.uuid, f"{DAMAGED}: it is in quarantine")
            if attempt.uuid in refused:
                continue
            try:
                snapshot = inspect(self.storage, attempt)
                self._check_identity(snapshot.commit)
            except IncompatibleCheckpointError as error:
                refused[attempt.uuid] = str(error)
                self.report("warning", attempt, f"passed over: {error}")
            except CorruptCheckpointError as error:
                self._condemn(attempt, error, refused)
            else:
                return snapshot
        if listed:
            # Starting again from nothing would throw away days without a word: that is for a person to decide.
            damaged = any(reason.startswith(DAMAGED) for reason in refused.values())
            kind = CorruptCheckpointError if damaged else IncompatibleCheckpointError
            raise kind(
                f"{self.storage.uri}: none of {len(listed)} commits can be resumed from; the newest, step"
                f" {listed[0].step}, {refused[listed[0].uuid]}. Give another checkpoint_uri to start anew."
            )
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

    def _condemn(self, attempt: Attempt, error: Exception, refused: dict[str, str]) -> None:
        refused[attempt.uuid] = f"{DAMAGED}: {error}"
        try:
            quarantine(self.storage, attempt, [str(error)])
        except StorageError as cause:
            self.report("warning", attempt, f"no mark of quarantine could be written: {cause}")
        self.report("quarantined", attempt, str(error))

    def _load(self, snapshot: Snapshot, state: Mapping[str, Stateful]) -> int:
        """Verify everything, then load it. Returns the bytes that this rank read."""
        commit, attempt = snapshot.commit, snapshot.attempt
        missing = sorted(set(state) - set(commit.state))
        if missing:
            raise IncompatibleCheckpointError(
                f"{self.storage.place(attempt.prefix)}: holds {sorted(commit.state)}, but not {missing}"
            )
        metadata, own = self._documents(snapshot, state)
        targets = materialize({name: item for name, item in state.items() if commit.state[name] == "sharded"})
        reader = VerifiedReader(self.storage, snapshot, metadata, self.options, self._agree)
        with explained(f"{self.storage.place(attempt.prefix)} was not loaded", IncompatibleCheckpointError):
            load(targets.sharded, storage_reader=reader, process_group=self.ranks.group)
        for name, item in state.items():
            item.load_state_dict(targets.sharded[name] if name in targets.sharded else own[name])
        return reader.bytes_read + len(metadata)

    def _documents(self, snapshot: Snapshot, state: Mapping[str, Stateful]) -> tuple[bytes, dict[str, Any]]:
        """The metadata, and the plain state of this rank, by name; verified on every rank."""
        plan = PlainState(snapshot.commit, state, rank=self.ranks.rank, world_size=self.ranks.size)
        metadata, documents, findings = b"", {}, []
        try:
            metadata = document(self.storage, snapshot.attempt, snapshot.commit.metadata)
            for rank in plan.needed:
                documents[rank] = unpack(document(self.storage, snapshot.attempt, snapshot.files[state_name(rank)]))
        except CorruptCheckpointError as error:
            findings = [str(error)]
        self._agree(findings)
        return metadata, plan.choose(documents)

    def _agree(self, findings: Sequence[str]) -> None:
        found = [line for rank in self.ranks.all(list(findings)) for line in rank]
        if found:
            raise CorruptCheckpointError("; ".join(sorted(set(found))))

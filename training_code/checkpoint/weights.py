"""A model's weights from a checkpoint, in one process without a process group: what an export needs."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributed.checkpoint.metadata import Metadata, TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load

from ml_contract.checkpoint.catalog import Attempt, Snapshot, attempts, commit_of, document, inspect
from ml_contract.checkpoint.errors import CheckpointError, CorruptCheckpointError, IncompatibleCheckpointError
from training_code.checkpoint.opening import open_storage
from training_code.checkpoint.options import CheckpointOptions
from training_code.checkpoint.pieces import Content, Piece, read
from training_code.checkpoint.reader import VerifiedReader
from training_code.checkpoint.saving import explained
from training_code.checkpoint.storage import Storage

MODEL = "model"
"""Name of the model in a run's state."""
GROUP_BYTES = 2**30
"""Tensors that are fetched and verified at a time: what is needed in memory beside the weights themselves."""


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """The model in a commit: what COMMIT says of it, and on demand its weights."""

    snapshot: Snapshot
    uri: str
    """Where the attempt lies."""
    storage: Storage
    options: CheckpointOptions

    @property
    def step(self) -> int:
        return self.snapshot.commit.step

    @property
    def figures(self) -> Mapping[str, float]:
        """Of the step, ``loss`` among them."""
        return self.snapshot.commit.figures

    @property
    def hyperparameters(self) -> Mapping[str, str]:
        """The run's, encoded; empty in commits of older versions."""
        return self.snapshot.commit.hyperparameters

    def weights(self) -> dict[str, Tensor]:
        """Whole tensors on the CPU, by their names in the unsharded model, whatever strategy saved them.

        Needs memory for the weights and ``GROUP_BYTES`` more, whatever else the checkpoint holds.

        Raises:
            CorruptCheckpointError: Something that was read does not have its checksum.
            IncompatibleCheckpointError: The checkpoint holds no model.
        """
        attempt = self.snapshot.attempt
        data = document(self.storage, attempt, self.snapshot.commit.metadata)
        metadata: Metadata = pickle.loads(data)  # noqa: S301  (its checksum was verified)
        whole: dict[str, Tensor] = {}
        for group in _groups(metadata):
            tensors = {name: torch.empty(stored.size, dtype=stored.properties.dtype) for name, stored in group.items()}
            reader = VerifiedReader(self.snapshot, data, self._fetch, self._agree)
            with explained(f"{self.uri} was not loaded", IncompatibleCheckpointError):
                load({MODEL: tensors}, storage_reader=reader, no_dist=True)
            whole |= tensors
        if not whole:
            raise IncompatibleCheckpointError(f"{self.uri} holds {sorted(self.snapshot.commit.state)}, but no {MODEL}")
        return whole

    def _fetch(self, pieces: list[Piece]) -> Iterator[Content]:
        return read(self.storage, self.snapshot, pieces, concurrency=self.options.concurrency)

    def _agree(self, findings: list[str]) -> None:
        if findings:
            raise CorruptCheckpointError(f"{'; '.join(findings)}. Take another step.")


def open_model(
    uri: str, *, step: int | None = None, run: str | None = None, options: CheckpointOptions | None = None
) -> SavedModel:
    """The model of a commit.

    Args:
        uri: ``s3://bucket/prefix`` or ``file:///folder``.
        step: The step; None takes the newest.
        run: Name of the run, where the place holds several.
        options: How to read; None takes every default.

    Raises:
        CheckpointError: There is no such commit, or several runs have one.
        CorruptCheckpointError: Its documents are damaged.
    """
    options = options or CheckpointOptions()
    storage = open_storage(uri, options)
    committed = [attempt for attempt in attempts(storage) if attempt.committed]
    chosen = [attempt for attempt in committed if not attempt.quarantined and step in (None, attempt.step)]
    runs: dict[str, Attempt] = {}
    for attempt in chosen:
        runs.setdefault(commit_of(storage, attempt).run, attempt)
        if run in runs:
            break
    if run is None and len(runs) > 1:
        raise CheckpointError(f"{storage.uri} holds checkpoints of several runs ({', '.join(sorted(runs))}): name one")
    found = next(iter(runs.values()), None) if run is None else runs.get(run)
    if found is None:
        wanted = " of ".join(filter(None, ["" if step is None else f"step {step}", run])) or "any step"
        steps = ", ".join(str(one) for one in sorted({attempt.step for attempt in committed})) or "none"
        raise CheckpointError(f"{storage.uri} has no sound checkpoint of {wanted}; steps with a commit: {steps}")
    return SavedModel(
        snapshot=inspect(storage, found), uri=storage.place(found.prefix), storage=storage, options=options
    )


def load_weights(uri: str, step: int | None = None) -> dict[str, Tensor]:
    """Whole tensors by name, verified; see :func:`open_model` and :meth:`SavedModel.weights`."""
    return open_model(uri, step=step).weights()


def _groups(metadata: Metadata) -> Iterator[dict[str, TensorStorageMetadata]]:
    """The model's tensors, in the order in which they are stored, so that no block is fetched for two groups often."""
    place = {
        index.fqn: (stored.offset, stored.relative_path) for index, stored in reversed(metadata.storage_data.items())
    }
    prefix = f"{MODEL}."
    tensors = {
        name: stored
        for name, stored in metadata.state_dict_metadata.items()
        if name.startswith(prefix) and isinstance(stored, TensorStorageMetadata)
    }
    group: dict[str, TensorStorageMetadata] = {}
    filled = 0
    for name in sorted(tensors, key=lambda name: place[name]):
        size = tensors[name].size.numel() * tensors[name].properties.dtype.itemsize
        if group and filled + size > GROUP_BYTES:
            yield group
            group, filled = {}, 0
        group[name.removeprefix(prefix)] = tensors[name]
        filled += size
    if group:
        yield group

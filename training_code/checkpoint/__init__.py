"""Checkpoints that are whole or not there.

The protocol, over torch.distributed.checkpoint:

1. A save writes into ``step-N/<attempt uuid>/``, a folder that is never used twice. Each rank writes its shards, its
   own state, and a *sidecar* that lists them with size and CRC64NVME, computed on the way out. Rank 0 writes
   ``.metadata``.
2. When every rank is done, rank 0 writes ``COMMIT.json``, only if there is none. It names every sidecar and the
   metadata by checksum, the whole by one digest, and says whose it is: run, configuration, world size, torch. An
   attempt without COMMIT is nothing, whatever lies there. ``latest`` is a hint for people.
3. A restore takes the newest COMMIT of its run, checks documents, sizes, and the content of all it reads before any
   tensor is touched. What fails is marked with ``QUARANTINE.json`` and passed over, never deleted. Ranks agree on all
   of it.
4. Retention counts only commits whose content it has verified, keeps at least two, and deletes COMMIT before the rest.

Beside the durable place there may be a tier in the nodes' memory, saved to more often and by the same protocol
(:mod:`training_code.checkpoint.memory`). A restore takes the newest sound commit of both; everything else that looks at
checkpoints, retention by loss and urgent saves know the durable one alone.

The format is a contract, :mod:`ml_contract.checkpoint`: an operator lists, verifies and prunes without this code.

:mod:`training_code.checkpoint.state` tells what may be saved, and what becomes of it with another world size.
"""

from ml_contract.checkpoint.errors import (
    CheckpointError,
    CommitConflictError,
    CorruptCheckpointError,
    IncompatibleCheckpointError,
    StorageError,
)
from training_code import older_torch  # noqa: F401  (before anything that imports DTensor)
from training_code.checkpoint.manager import CheckpointManager
from training_code.checkpoint.options import CheckpointOptions, Estimate, Event, Restored, RunIdentity
from training_code.checkpoint.rng import rng
from training_code.checkpoint.state import ModelState, OptimizerState, PerRank, Stateful
from training_code.checkpoint.weights import SavedModel, load_weights, open_model

__all__ = [
    "CheckpointError",
    "CheckpointManager",
    "CheckpointOptions",
    "CommitConflictError",
    "CorruptCheckpointError",
    "Estimate",
    "Event",
    "IncompatibleCheckpointError",
    "ModelState",
    "OptimizerState",
    "PerRank",
    "Restored",
    "RunIdentity",
    "SavedModel",
    "Stateful",
    "StorageError",
    "load_weights",
    "open_model",
    "rng",
]

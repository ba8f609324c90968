"""What can go wrong with a checkpoint, told apart by what the caller should do about it."""

from __future__ import annotations


class CheckpointError(RuntimeError):
    """A checkpoint could not be written or read. The message is one line meant for a user."""


class StorageError(CheckpointError):
    """The storage refused or stayed silent after all retries. Says nothing about the checkpoint's content."""


class ObjectMissingError(StorageError):
    """The object is not there, which for a committed checkpoint means damage."""


class CorruptCheckpointError(CheckpointError):
    """A committed checkpoint is not what its manifest says: quarantine it and take an older one."""


class IncompatibleCheckpointError(CheckpointError):
    """A sound checkpoint of another run, another configuration or another state."""


class CommitConflictError(CheckpointError):
    """Another writer has committed under the same name."""

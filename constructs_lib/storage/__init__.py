"""Buckets for data, checkpoints and artifacts."""

from constructs_lib.storage.storage import Storage, StorageSettings

__all__ = ["Storage", "StorageSettings"]

"""Buckets for data, checkpoints and artifacts."""

from constructs_lib.storage.storage import DATASETS, SHARED, Storage, StorageSettings

__all__ = ["DATASETS", "SHARED", "Storage", "StorageSettings"]

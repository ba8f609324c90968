"""Buckets for data, checkpoints and artifacts."""

from constructs_lib.storage.storage import DATASETS, REQUESTS, SHARED, Storage, StorageSettings

__all__ = ["DATASETS", "REQUESTS", "SHARED", "Storage", "StorageSettings"]

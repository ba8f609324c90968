"""The storage that a URI names."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from ml_contract.errors import reject
from training_code.checkpoint.options import CheckpointOptions
from training_code.checkpoint.storage import Storage


def open_storage(uri: str, options: CheckpointOptions) -> Storage:
    """The storage at ``s3://bucket/prefix`` or ``file:///folder``. Touches nothing yet."""
    parts = urlsplit(uri)
    path = unquote(parts.path).strip("/")
    if parts.scheme == "s3" and parts.netloc and path:
        from training_code.checkpoint.s3_storage import S3Storage

        return S3Storage(parts.netloc, path, options)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and path:
        from training_code.checkpoint.file_storage import FileStorage

        return FileStorage(f"/{path}")
    reject("checkpoint_uri", uri, "it must be s3://bucket/prefix or file:///folder", "Write one of the two forms.")

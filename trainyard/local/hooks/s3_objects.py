"""Objects of S3: ranges of large ones without reading the whole, and no answer to what is not served."""

from __future__ import annotations

import contextvars
import functools
import mmap
import os
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import s3

from trainyard.local.hooks import s3_requests
from trainyard.local.hooks.replies import Reply, s3_error

# From here on an object is mapped instead of read when a range of it is asked for.
_MAPPED_BYTES = 1 << 20
_range_wanted: contextvars.ContextVar[bool] = contextvars.ContextVar("trainyard_range", default=False)


def install() -> None:
    """Mends how the emulator reads objects and what it does with sub-resources that it does not know."""
    s3._get_object = _by_range(s3._get_object)
    s3._read_body = _mapped(s3._read_body)
    s3._dispatch = _honest(s3._dispatch)


def _by_range(original: Callable[..., Reply]) -> Callable[..., Reply]:
    @functools.wraps(original)
    def get(bucket: str, key: str, headers: Mapping[str, str], query: Mapping[str, Any] | None = None) -> Reply:
        token = _range_wanted.set("range" in headers)
        try:
            status, answered, body = original(bucket, key, headers, query)
        finally:
            _range_wanted.reset(token)
        return status, answered, body[:] if isinstance(body, mmap.mmap) else body

    return get


def _mapped(original: Callable[..., bytes]) -> Callable[..., Any]:
    @functools.wraps(original)
    def read(bucket: str, key: str, record: Mapping[str, Any]) -> Any:
        in_memory = record.get("body") is not None
        if in_memory or not _range_wanted.get() or record.get("size", 0) < _MAPPED_BYTES:
            return original(bucket, key, record)
        descriptor = os.open(s3._object_disk_path(bucket, key), os.O_RDONLY)
        try:
            return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)

    return read


def _honest(original: Callable[..., Reply]) -> Callable[..., Reply]:
    @functools.wraps(original)
    def dispatch(
        method: str, bucket: str, key: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Reply:
        name = s3_requests.unserved(query)
        if name is not None:
            message = f"The embedded cloud does not serve {method} {name} of S3"
            return s3_error("NotImplemented", message, 501)
        return original(method, bucket, key, headers, body, query)

    return dispatch

"""Which operation of the S3 API an HTTP request is, as botocore's model of S3 has it."""

from __future__ import annotations

import functools
import urllib.parse
from collections.abc import Collection
from dataclasses import dataclass

import botocore.session
from botocore.model import Shape, StructureShape

# Sub-resources that the emulator does not know and would take for the plain operation: a listing, even a new bucket.
_UNSERVED = frozenset(
    {
        "abac",
        "analytics",
        "intelligent-tiering",
        "inventory",
        "metadataConfiguration",
        "metadataInventoryTable",
        "metadataJournalTable",
        "metadataTable",
        "policyStatus",
        "renameObject",
        "select",
        "session",
        "torrent",
    }
)


@dataclass(frozen=True, kw_only=True)
class _Signature:
    """What marks the requests of one operation."""

    name: str
    query: frozenset[str]
    headers: frozenset[str]


def operation(method: str, bucket: str, key: str, query: Collection[str], headers: Collection[str]) -> str:
    """Name of the operation that a request is, as `PutObject`.

    Args:
        method: HTTP method.
        bucket: the bucket that it names, or nothing.
        key: the key that it names, or nothing.
        query: names in the query.
        headers: names of headers in lower case.
    """
    fitting = [
        signature
        for signature in _signatures().get((method, bool(bucket) + bool(key)), ())
        if signature.query.issubset(query) and signature.headers.issubset(headers)
    ]
    best = max(fitting, key=lambda signature: (len(signature.query), len(signature.headers)), default=None)
    return best.name if best is not None else method


def unserved(query: Collection[str]) -> str | None:
    """A sub-resource in a query that the cloud does not serve, or None."""
    return next((name for name in query if name in _UNSERVED), None)


@functools.cache
def _signatures() -> dict[tuple[str, int], list[_Signature]]:
    model = botocore.session.get_session().get_service_model("s3")
    found: dict[tuple[str, int], list[_Signature]] = {}
    for name in model.operation_names:
        shape = model.operation_model(name)
        if shape.deprecated:
            continue
        path, _, literal = shape.http["requestUri"].partition("?")
        query = {part for part in urllib.parse.parse_qs(literal, keep_blank_values=True) if part != "x-id"}
        headers = set()
        for member in _required(shape.input_shape):
            if member.serialization.get("location") == "querystring":
                query.add(member.serialization["name"])
            elif member.serialization.get("location") == "header":
                headers.add(member.serialization["name"].lower())
        signature = _Signature(name=name, query=frozenset(query), headers=frozenset(headers))
        found.setdefault((shape.http["method"], path.count("{")), []).append(signature)
    return found


def _required(shape: StructureShape | None) -> list[Shape]:
    return [shape.members[name] for name in shape.required_members] if shape is not None else []

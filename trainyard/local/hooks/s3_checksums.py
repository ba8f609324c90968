"""Checksums of S3 objects as S3 keeps them: computed natively, always there, of the full object where S3 has them so.

Source: Amazon S3 User Guide, "Checking object integrity in Amazon S3", 2026-11.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from awscrt import checksums
from ministack.services import s3

from trainyard.local.hooks.replies import Reply, s3_error

# Of an object that came without a checksum.
_DEFAULT = "CRC64NVME"
_FULL_OBJECT, _COMPOSITE = "FULL_OBJECT", "COMPOSITE"
# Types that an algorithm allows for multipart uploads; the first is its default.
_TYPES = {
    "CRC64NVME": (_FULL_OBJECT,),
    "CRC32": (_COMPOSITE, _FULL_OBJECT),
    "CRC32C": (_COMPOSITE, _FULL_OBJECT),
    "SHA1": (_COMPOSITE,),
    "SHA256": (_COMPOSITE,),
}
# Of every part but the last.
_LEAST_PART_BYTES = 5 << 20
# The checksum that the completion under way will store; the emulator is single-threaded while it completes one.
_full_object: list[str] = []


def install() -> None:
    """Mends what the emulator does with checksums."""
    # Table-driven Python takes 10 s for 100 MB, and every other request would wait.
    s3._crc64nvme = checksums.crc64nvme
    s3._crc32c = checksums.crc32c
    s3._resolve_object_checksums = _never_none(s3._resolve_object_checksums)
    s3._resolve_part_checksums = _of_the_upload(s3._resolve_part_checksums)
    s3._composite_checksum = _composite_or_full(s3._composite_checksum)
    s3._object_response_headers = _typed(s3._object_response_headers)
    s3._put_object = _answering(s3._put_object)
    s3._create_multipart_upload = _choosing_type(s3._create_multipart_upload)
    s3._complete_multipart_upload = _completing(s3._complete_multipart_upload)


def _never_none(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def resolve(body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, str], Any]:
        found, error = original(body, headers)
        if not found and error is None:
            found = {_DEFAULT: s3._compute_s3_checksum(_DEFAULT, body)}
        return found, error

    return resolve


def _of_the_upload(original: Callable[..., Any]) -> Callable[..., Any]:
    """A part has the checksum of its upload's algorithm: the default is for objects."""

    @functools.wraps(original)
    def resolve(body: bytes, headers: Mapping[str, str], upload: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
        found, error = original(body, headers, upload)
        wanted = {upload.get("checksum_algorithm")} | {
            name.removeprefix("x-amz-checksum-").upper() for name in headers if name.startswith("x-amz-checksum-")
        }
        return {name: value for name, value in found.items() if name in wanted}, error

    return resolve


def _composite_or_full(original: Callable[..., str | None]) -> Callable[..., str | None]:
    @functools.wraps(original)
    def checksum(algorithm: str, parts: list[str | None]) -> str | None:
        return _full_object[-1] if _full_object else original(algorithm, parts)

    return checksum


def _typed(original: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
    """Tells the type by the value, which survives a restart: a composite one ends in its number of parts."""

    @functools.wraps(original)
    def headers(*arguments: Any, **options: Any) -> dict[str, str]:
        found = original(*arguments, **options)
        values = [value for name, value in found.items() if name.startswith("x-amz-checksum-")]
        if "x-amz-checksum-type" in found:
            composite = any(re.search(r"-\d+$", value) for value in values)
            found["x-amz-checksum-type"] = _COMPOSITE if composite else _FULL_OBJECT
        return found

    return headers


def _answering(original: Callable[..., Reply]) -> Callable[..., Reply]:
    """PutObject answers with the checksum that is kept."""

    @functools.wraps(original)
    def put(bucket: str, key: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        status, answered, content = original(bucket, key, body, headers)
        if status == 200:
            kept = s3._buckets[bucket]["objects"][key].get("checksums") or {}
            answered |= {f"x-amz-checksum-{name.lower()}": value for name, value in kept.items()}
            answered["x-amz-checksum-type"] = _FULL_OBJECT
        return status, answered, content

    return put


def _choosing_type(original: Callable[..., Reply]) -> Callable[..., Reply]:
    @functools.wraps(original)
    def create(bucket: str, key: str, headers: Mapping[str, str]) -> Reply:
        named = headers.get("x-amz-checksum-algorithm") or headers.get("x-amz-sdk-checksum-algorithm")
        algorithm = (named or _DEFAULT).upper().replace("_", "")
        allowed = _TYPES.get(algorithm, ())
        kind = headers.get("x-amz-checksum-type", "").upper() or next(iter(allowed), "")
        if allowed and kind not in allowed:
            message = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
            return s3_error("InvalidRequest", message, 400)
        before = set(s3._multipart_uploads)
        status, answered, content = original(bucket, key, headers)
        for upload_id in set(s3._multipart_uploads) - before:
            s3._multipart_uploads[upload_id] |= {"checksum_algorithm": algorithm, "checksum_type": kind}
            if named:
                answered["x-amz-checksum-type"] = kind
        return status, answered, content

    return create


def _completing(original: Callable[..., Reply]) -> Callable[..., Reply]:
    @functools.wraps(original)
    def complete(
        bucket: str, key: str, body: bytes, query: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Reply:
        upload = s3._multipart_uploads.get(s3._qp(query, "uploadId"))
        sizes = (
            [upload["parts"][number]["size"] for number in _listed(body) if number in upload["parts"]] if upload else []
        )
        if any(size < _LEAST_PART_BYTES for size in sizes[:-1]):
            message = "Your proposed upload is smaller than the minimum allowed size"
            return s3_error("EntityTooSmall", message, 400)
        if upload is None:
            return _retyped(original(bucket, key, body, query, headers))
        if upload.get("checksum_type") != _FULL_OBJECT:
            return original(bucket, key, body, query, headers)
        parts = b"".join(upload["parts"][number]["body"] for number in _listed(body) if number in upload["parts"])
        _full_object.append(s3._compute_s3_checksum(upload["checksum_algorithm"], parts))
        try:
            return _retyped(original(bucket, key, body, query, headers))
        finally:
            _full_object.pop()

    return complete


def _retyped(reply: Reply) -> Reply:
    """The answer with the type that its checksum has: the emulator writes the one that it knows."""
    status, headers, content = reply
    if not re.search(rb">[A-Za-z0-9+/=]+-\d+</Checksum", content):
        content = content.replace(b">COMPOSITE<", b">FULL_OBJECT<")
    # The emulator keeps the answer for a repeated request, and the server writes its length into these headers.
    return status, dict(headers), content


def _listed(body: bytes) -> list[int]:
    """Numbers of the parts that a completion lists."""
    return sorted(int(number) for number in re.findall(rb"<PartNumber>\s*(\d+)\s*</PartNumber>", body))

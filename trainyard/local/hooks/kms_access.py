"""Objects under a KMS key: whoever writes or reads one needs the key too, as on AWS.

Source: Amazon S3 User Guide, "Using server-side encryption with AWS KMS keys", 2026-11.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack.core import iam_actions, iam_evaluator, responses
from ministack.services import kms, s3

from trainyard.local.hooks import key_states, s3_requests
from trainyard.local.hooks.replies import Reply, s3_error

_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_WRITES = frozenset({"PutObject", "CreateMultipartUpload", "CopyObject", "PostObject"})
_PART_WRITES = frozenset({"UploadPart", "UploadPartCopy"})


def install() -> None:
    """Makes S3 ask KMS."""
    s3._dispatch = _with_key(s3._dispatch)


def _with_key(original: Callable[..., Reply]) -> Callable[..., Reply]:
    @functools.wraps(original)
    def dispatch(
        method: str, bucket: str, key: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Reply:
        access_key = s3._request_access_key(method, key, headers, query, body)
        checked = bool(access_key) and not iam_evaluator.is_root_access_key(access_key)
        if key and (checked or _unusable()):
            operation = s3_requests.operation(method, bucket, key, query, headers)
            for action, key_id in _needed(operation, bucket, key, headers, query):
                refused = _state(key_id) or (
                    _refusal(access_key, action, key_id, f"arn:aws:s3:::{bucket}/{key}") if checked else None
                )
                if refused is not None:
                    return refused
        return original(method, bucket, key, headers, body, query)

    return dispatch


def _needed(
    operation: str, bucket: str, key: str, headers: Mapping[str, str], query: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Actions on keys that an operation takes."""
    if operation in _WRITES and s3._buckets.get(bucket) is not None:
        resolved, error = s3._resolve_sse_write_headers(headers, bucket)
        yield from [] if error else _of("kms:GenerateDataKey", resolved)
    elif operation in _PART_WRITES:
        # Parts are decrypted again when the upload is completed.
        upload = s3._multipart_uploads.get(s3._qp(query, "uploadId")) or {}
        yield from _of("kms:GenerateDataKey", upload.get("preserved_headers", {}))
        yield from _of("kms:Decrypt", upload.get("preserved_headers", {}))
    elif operation == "GetObject":
        yield from _of("kms:Decrypt", _kept(bucket, key))
    if operation in ("CopyObject", "UploadPartCopy"):
        source = s3.url_unquote(headers["x-amz-copy-source"].partition("?")[0]).lstrip("/")
        yield from _of("kms:Decrypt", _kept(*source.partition("/")[::2]))


def _kept(bucket: str, key: str) -> Mapping[str, str]:
    found = (s3._buckets.get(bucket) or {}).get("objects", {}).get(key) or {}
    kept: Mapping[str, str] = found.get("preserved_headers", {})
    return kept


def _of(action: str, headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if headers.get(_KEY_HEADER):
        yield action, headers[_KEY_HEADER]


def _unusable() -> bool:
    """Whether there is a key that opens nothing, not even for the account's root."""
    return any(key["KeyState"] != "Enabled" for key in kms._keys.values())


def _state(key_id: str) -> Reply | None:
    """Why a key opens nothing for anybody."""
    key = kms._resolve_key(key_id)
    if key is None:
        message = f"Key '{key_id}' does not exist"
        return s3_error("KMS.NotFoundException", message, 400)
    refused = key_states.refusal(key)
    return s3_error(f"KMS.{refused[0]}", refused[1], 400) if refused else None


def _refusal(access_key: str, action: str, key_id: str, object_arn: str) -> Reply | None:
    key, region = kms._resolve_key(key_id), responses.get_region()
    context = {
        "kms:ViaService": f"s3.{region}.amazonaws.com",
        "kms:CallerAccount": responses.get_account_id(),
        "kms:EncryptionContext:aws:s3:arn": object_arn,
    }
    denied = iam_evaluator.enforce(access_key, action, "kms", region, key["Arn"], context)
    if denied is None:
        return None
    explicit = getattr(denied, "decision", "") == "Deny"
    message = iam_actions.identity_denial_message(action, getattr(denied, "principal_arn", ""), key["Arn"], explicit)
    return s3_error("AccessDenied", message, 403)

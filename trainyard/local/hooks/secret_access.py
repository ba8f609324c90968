"""Secrets under a KMS key: whoever reads one needs the key too, as on AWS.

Source: "Secret encryption and decryption", AWS Secrets Manager User Guide, read 2026-11-22.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.core import iam_evaluator, responses, router
from ministack.services import kms, secretsmanager

from trainyard.local.hooks import key_states
from trainyard.local.hooks.replies import Reply, json_error

Handler = Callable[[str, str, Mapping[str, str], bytes, Mapping[str, Any]], Awaitable[Reply]]

_OWN = "alias/aws/secretsmanager"
"""The service's own key, which every reader of a secret may use."""


def install() -> None:
    """Makes Secrets Manager ask KMS."""
    secretsmanager.handle_request = _with_key(secretsmanager.handle_request)


def _with_key(original: Handler) -> Handler:
    @functools.wraps(original)
    async def handle(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Reply:
        access_key = router.extract_access_key_id(headers, query) or ""
        reads = headers.get("x-amz-target", "").endswith(".GetSecretValue")
        if reads and (refused := _refusal(access_key, body)):
            return json_error(*refused)
        return await original(method, path, headers, body, query)

    return handle


def _refusal(access_key: str, body: bytes) -> tuple[str, str] | None:
    try:
        _, secret = secretsmanager._resolve(json.loads(body).get("SecretId"))
    except (ValueError, AttributeError):
        return None
    name = (secret or {}).get("KmsKeyId")
    if not name or name == _OWN:
        return None
    key, region = kms._resolve_key(name), responses.get_region()
    if key is None:
        return "DecryptionFailure", f"The secret's KMS key {name} does not exist."
    if unusable := key_states.refusal(key):
        return "DecryptionFailure", unusable[1]
    # Calls inside the cloud carry no credentials.
    if not access_key or iam_evaluator.is_root_access_key(access_key):
        return None
    context = {
        "kms:ViaService": f"secretsmanager.{region}.amazonaws.com",
        "kms:CallerAccount": responses.get_account_id(),
        "kms:EncryptionContext:SecretARN": secret["ARN"],
    }
    if iam_evaluator.enforce(access_key, "kms:Decrypt", "kms", region, key["Arn"], context) is None:
        return None
    return "AccessDeniedException", "Access to KMS is not allowed"

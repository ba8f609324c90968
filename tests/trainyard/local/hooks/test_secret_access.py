"""Secrets under a key: who reads one needs the key too."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def secret(client: Callable[..., Any]) -> tuple[str, str]:
    """ARNs of a secret and of its key."""
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    name = f"secret-{uuid.uuid4().hex[:12]}"
    return client("secretsmanager").create_secret(Name=name, SecretString="x", KmsKeyId=key)["ARN"], key


def allow(action: str, resource: str, via: str = "secretsmanager") -> dict[str, Any]:
    condition = {"StringEquals": {"kms:ViaService": f"{via}.us-east-1.amazonaws.com"}}
    extra: dict[str, Any] = {"Condition": condition} if action.startswith("kms") else {}
    return {"Effect": "Allow", "Action": action, "Resource": resource, **extra}


def test_reading_takes_the_key_through_the_service(
    secret: tuple[str, str], role: Callable[..., Any], as_role: Callable[..., Any]
) -> None:
    arn, key = secret
    reading = allow("secretsmanager:GetSecretValue", arn)
    for rights, passes in (
        ((reading,), False),
        ((reading, allow("kms:Decrypt", key, via="s3")), False),
        ((reading, allow("kms:Decrypt", key)), True),
    ):
        reader = as_role(role(*rights))("secretsmanager")
        if passes:
            assert reader.get_secret_value(SecretId=arn)["SecretString"] == "x"
        else:
            with pytest.raises(ClientError, match=r"AccessDeniedException.*Access to KMS is not allowed"):
                reader.get_secret_value(SecretId=arn)


def test_a_disabled_key_opens_no_secret_for_anybody(secret: tuple[str, str], client: Callable[..., Any]) -> None:
    arn, key = secret
    client("kms").disable_key(KeyId=key)
    with pytest.raises(ClientError, match=r"DecryptionFailure.*is disabled"):
        client("secretsmanager").get_secret_value(SecretId=arn)

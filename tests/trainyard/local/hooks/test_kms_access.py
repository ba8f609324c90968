"""Objects under a key: who writes or reads one needs the key too."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def encrypted(client: Callable) -> tuple[str, str]:
    """A bucket that encrypts with a key, and the key's ARN."""
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    name = f"encrypted-{uuid.uuid4().hex[:12]}"
    client("s3").create_bucket(Bucket=name)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    client("s3").put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    return name, key


def allow(*actions: str, resource: str = "*", **extra: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **extra}


def test_writing_takes_generate_data_key(encrypted: tuple[str, str], role: Callable, as_role: Callable) -> None:
    bucket, key = encrypted
    with pytest.raises(ClientError, match=f"not authorized to perform: kms:GenerateDataKey on resource: {key}"):
        as_role(role(allow("s3:*")))("s3").put_object(Bucket=bucket, Key="a", Body=b"x")
    s3 = as_role(role(allow("s3:*"), allow("kms:GenerateDataKey", resource=key)))("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    with pytest.raises(ClientError, match=f"not authorized to perform: kms:Decrypt on resource: {key}"):
        s3.get_object(Bucket=bucket, Key="a")


def test_reading_takes_decrypt(encrypted: tuple[str, str], client: Callable, role: Callable, as_role: Callable) -> None:
    bucket, key = encrypted
    client("s3").put_object(Bucket=bucket, Key="a", Body=b"x")
    reading = as_role(role(allow("s3:*"), allow("kms:Decrypt", resource=key)))("s3")
    assert reading.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        reading.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})


def test_parts_take_both(encrypted: tuple[str, str], role: Callable, as_role: Callable) -> None:
    bucket, key = encrypted
    writing = as_role(role(allow("s3:*"), allow("kms:GenerateDataKey", resource=key)))("s3")
    upload = writing.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    part = {"Bucket": bucket, "Key": "m", "UploadId": upload, "PartNumber": 1, "Body": b"x"}
    with pytest.raises(ClientError, match="kms:Decrypt"):
        writing.upload_part(**part)
    as_role(role(allow("s3:*"), allow("kms:GenerateDataKey", "kms:Decrypt", resource=key)))("s3").upload_part(**part)


def test_a_key_through_s3_alone_is_a_condition(encrypted: tuple[str, str], role: Callable, as_role: Callable) -> None:
    bucket, key = encrypted
    for service, passes in (("s3", True), ("ec2", False)):
        condition = {"StringEquals": {"kms:ViaService": f"{service}.us-east-1.amazonaws.com"}}
        s3 = as_role(role(allow("s3:*"), allow("kms:*", resource=key, Condition=condition)))("s3")
        if passes:
            s3.put_object(Bucket=bucket, Key="a", Body=b"x")
        else:
            with pytest.raises(ClientError, match="kms:GenerateDataKey"):
                s3.put_object(Bucket=bucket, Key="a", Body=b"x")


def test_a_disabled_key_opens_nothing(
    encrypted: tuple[str, str], client: Callable, role: Callable, as_role: Callable
) -> None:
    bucket, key = encrypted
    client("kms").disable_key(KeyId=key)
    with pytest.raises(ClientError, match=r"KMS\.DisabledException"):
        as_role(role(allow("s3:*"), allow("kms:*")))("s3").put_object(Bucket=bucket, Key="a", Body=b"x")


def test_a_key_that_waits_for_its_deletion_opens_nothing_until_it_is_saved(
    encrypted: tuple[str, str], client: Callable
) -> None:
    bucket, key = encrypted
    client("s3").put_object(Bucket=bucket, Key="a", Body=b"x")
    client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    for refused in (
        lambda: client("s3").get_object(Bucket=bucket, Key="a"),
        lambda: client("s3").put_object(Bucket=bucket, Key="b", Body=b"x"),
    ):
        with pytest.raises(ClientError, match=r"KMS\.KMSInvalidStateException.*is pending deletion"):
            refused()
    with pytest.raises(ClientError, match=r"KMSInvalidStateException.*is pending deletion"):
        client("kms").enable_key(KeyId=key)
    client("kms").cancel_key_deletion(KeyId=key)
    with pytest.raises(ClientError, match=r"KMS\.DisabledException"):
        client("s3").get_object(Bucket=bucket, Key="a")
    client("kms").enable_key(KeyId=key)
    assert client("s3").get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"


def test_only_what_waits_for_its_deletion_is_saved(client: Callable) -> None:
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(ClientError, match="is not pending deletion"):
        client("kms").cancel_key_deletion(KeyId=key)

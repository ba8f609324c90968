"""Access control: every allow beside its deny."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from trainyard.local.cloud import ACCOUNT, REGION, Cloud

from .denials import allow, denied


def test_an_object_is_put_only_where_the_role_may(bucket: str, role: Callable, as_role: Callable) -> None:
    arn = role(allow("s3:PutObject", resource=f"arn:aws:s3:::{bucket}/mine/*"))
    s3 = as_role(arn)("s3")
    s3.put_object(Bucket=bucket, Key="mine/a", Body=b"x")
    message = denied(s3.put_object, "s3:PutObject", f"arn:aws:s3:::{bucket}/a", Bucket=bucket, Key="a", Body=b"x")
    assert message.endswith("because no identity-based policy allows the s3:PutObject action")
    denied(s3.get_object, "s3:GetObject", f"arn:aws:s3:::{bucket}/mine/a", Bucket=bucket, Key="mine/a")


def test_an_explicit_deny_wins_and_says_so(bucket: str, role: Callable, as_role: Callable) -> None:
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/secret/*"}
    s3 = as_role(role(allow("s3:*"), deny))("s3")
    s3.put_object(Bucket=bucket, Key="secret/a", Body=b"x")
    message = denied(s3.get_object, "s3:GetObject", f"arn:aws:s3:::{bucket}/secret/a", Bucket=bucket, Key="secret/a")
    assert "explicit deny" in message


def test_a_service_without_an_action_map_is_denied_by_name(role: Callable, as_role: Callable) -> None:
    everything = as_role(role(allow("*")))
    with pytest.raises(
        ClientError, match="this operation of amplify: the embedded cloud has no action map for it"
    ) as error:
        everything("amplify").list_apps()
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"


@pytest.mark.parametrize(("service", "operation"), [("amplify", "list_apps"), ("redshift", "describe_clusters")])
def test_a_service_that_nobody_serves_fails_as_such(service: str, operation: str, client: Callable) -> None:
    with pytest.raises(ClientError, match=f"The embedded cloud has no service {service}"):
        getattr(client(service), operation)()


def test_trust_in_a_service_lets_nobody_else_in(client: Callable) -> None:
    name = f"role-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    assume = {"RoleArn": arn, "RoleSessionName": "tests"}
    with pytest.raises(ClientError, match=f"not authorized to perform: sts:AssumeRole on resource: {arn}"):
        client("sts").assume_role(**assume)
    trust["Principal"] = {"Service": "sagemaker.amazonaws.com", "AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=document)
    client("sts").assume_role(**assume)


def test_a_session_needs_its_signature(bucket: str, cloud: Cloud, role: Callable, as_role: Callable) -> None:
    s3 = as_role(role(allow("s3:*")))("s3")
    s3.list_objects_v2(Bucket=bucket)
    # The same key with another secret.
    s3._request_signer._credentials.secret_key = "wrong"
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3.list_objects_v2(Bucket=bucket)


def test_without_credentials_there_is_nothing(bucket: str, cloud: Cloud) -> None:
    def anonymous(service: str) -> Any:
        config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
        return boto3.client(service, endpoint_url=cloud.endpoint_url, region_name=REGION, config=config)

    with pytest.raises(ClientError, match="AccessDenied"):
        anonymous("s3").put_object(Bucket=bucket, Key="a", Body=b"x")
    with pytest.raises(ClientError, match="MissingAuthenticationToken"):
        anonymous("sagemaker").list_training_jobs()


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/config", "/_localstack/info"])
def test_the_emulators_own_administration_is_closed(path: str, cloud: Cloud) -> None:
    request = urllib.request.Request(cloud.endpoint_url + path, b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=10)


ROOT_KEY = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def test_the_listener_stands_for_a_tls_endpoint(
    bucket: str, client: Callable, role: Callable, as_role: Callable
) -> None:
    _tls_only(client("s3"), bucket)
    as_role(role(allow("s3:*")))("s3").put_object(Bucket=bucket, Key="a", Body=b"x")


@pytest.mark.slow
def test_plain_transport_shows_the_tls_only_policy(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud("--plain-transport")
    cloud.up()
    s3 = boto3.client("s3", endpoint_url=cloud.endpoint_url, **ROOT_KEY)
    s3.create_bucket(Bucket="plain-bucket")
    s3.put_object(Bucket="plain-bucket", Key="a", Body=b"x")
    _tls_only(s3, "plain-bucket")
    with pytest.raises(ClientError, match=r"s3:PutObject .* with an explicit deny in a resource-based policy"):
        s3.put_object(Bucket="plain-bucket", Key="a", Body=b"x")
    # The root can always mend a policy that locks everybody out.
    s3.delete_bucket_policy(Bucket="plain-bucket")
    s3.put_object(Bucket="plain-bucket", Key="a", Body=b"x")


def _tls_only(s3: Any, bucket: str) -> None:
    statement = {**TLS_ONLY, "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

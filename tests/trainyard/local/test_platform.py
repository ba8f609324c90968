"""How the families use the rest of the cloud."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from trainyard.local.cloud import REGION, Cloud
from trainyard.local.platform import LocalPlatform


@dataclass(frozen=True)
class Session:
    access_key_id: str
    secret_access_key: str
    session_token: str


@pytest.fixture
def platform(cloud: Cloud, client: Callable) -> LocalPlatform:
    """A platform whose sessions come from STS."""

    def assume(arn: str, name: str) -> Session:
        found = client("sts").assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]
        return Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])

    return LocalPlatform(
        cloud.endpoint_url, REGION, assume=assume, exists=lambda kind, name: (kind, name) == ("role", "r")
    )


def test_the_administrators_client_is_made_once(platform: LocalPlatform, bucket: str) -> None:
    assert platform.client("s3") is platform.client("s3")
    platform.client("s3").put_object(Bucket=bucket, Key="a", Body=b"x")


def test_a_role_client_is_the_role(platform: LocalPlatform, role: Callable) -> None:
    arn = role()
    found = platform.role_client("sts", arn, "job-1").get_caller_identity()["Arn"]
    assert found == arn.replace(":iam:", ":sts:").replace("role/", "assumed-role/") + "/job-1"


def test_a_role_environment_is_all_that_a_container_needs(platform: LocalPlatform, role: Callable) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=clean | platform.role_environment(role(), "job-2"),
        check=True,
    )
    assert ran.stdout.strip().endswith("/job-2")


def test_existence_is_asked_of_the_cloud(platform: LocalPlatform) -> None:
    assert platform.exists("role", "r")
    assert not platform.exists("role", "x")

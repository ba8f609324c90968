"""One real daemon for every test of the embedded cloud, and clients of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from ports import free_port

from trainyard.local.cloud import ACCOUNT, REGION, Cloud

Client = Callable[[str], Any]


def new_client(cloud: Cloud, service: str, **credentials: str) -> Any:
    return boto3.session.Session().client(
        service,
        endpoint_url=cloud.endpoint_url,
        region_name=REGION,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        **(credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}),
    )


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud that is up for the whole session."""
    found = Cloud(tmp_path_factory.mktemp("cloud"), free_port(), options=("--grace-seconds", "10"))
    found.up()
    yield found
    found.down()


@pytest.fixture
def new_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Cloud]]:
    """Makes clouds that a test may start, kill and break: `new_cloud("--plain-transport")`. None is up yet."""
    made: list[Cloud] = []

    def make(*options: str) -> Cloud:
        made.append(Cloud(tmp_path_factory.mktemp("cloud"), free_port(), options=options))
        return made[-1]

    yield make
    for found in made:
        found.down()


@pytest.fixture(scope="session")
def client(cloud: Cloud) -> Client:
    """A boto3 client of the cloud as its administrator, without retries: `client("s3")`."""
    made: dict[str, Any] = {}

    def get(service: str) -> Any:
        if service not in made:
            made[service] = new_client(cloud, service)
        return made[service]

    return get


@pytest.fixture
def role(client: Client) -> Callable[..., str]:
    """Makes a role with these statements and returns its ARN; `trust` names the services that may assume it."""

    def make(*statements: dict[str, Any], trust: tuple[str, ...] = ("sagemaker.amazonaws.com",)) -> str:
        name = f"role-{uuid.uuid4().hex[:8]}"
        principals = {"AWS": f"arn:aws:iam::{ACCOUNT}:root", **({"Service": list(trust)} if trust else {})}
        document = {"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}
        made = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy(document))
        if statements:
            client("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
        return str(made["Role"]["Arn"])

    return make


@pytest.fixture
def as_role(cloud: Cloud, client: Client) -> Callable[[str], Client]:
    """Assumes a role and returns what makes clients of its session: `as_role(arn)("s3")`."""

    def assume(arn: str) -> Client:
        session = client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")["Credentials"]

        def get(service: str) -> Any:
            return new_client(
                cloud,
                service,
                aws_access_key_id=session["AccessKeyId"],
                aws_secret_access_key=session["SecretAccessKey"],
                aws_session_token=session["SessionToken"],
            )

        return get

    return assume


@pytest.fixture
def bucket(client: Client) -> str:
    """An empty bucket."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    client("s3").create_bucket(Bucket=name)
    return name


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

"""A cloud with a small server of its own in the containers, for every kind of endpoint.

Tests of this folder share a process, and so the cloud: see tests/conftest.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ports import free_port

from trainyard.local.cloud import Cloud

from ...conftest import new_client, policy
from ..conftest import LOGS, READ, Maker, stand_in_environment
from ..test_many_models import archive

IMAGE = "stand-in:1"
Clients = Callable[[str], Any]
Figures = Callable[..., dict[str, float]]


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud whose only image is the stand-in, and whose minutes last 0.2 s."""
    folder = tmp_path_factory.mktemp("kinds")
    environments = stand_in_environment(folder).parent
    found = Cloud(
        folder / "cloud", free_port(), options=("--environments", str(environments), "--minute-seconds", "0.2")
    )
    found.up()
    yield found
    found.down()


@pytest.fixture(scope="session")
def clients(here: Cloud) -> Clients:
    made: dict[str, Any] = {}
    return lambda service: made.setdefault(service, new_client(here, service))


@pytest.fixture(scope="session")
def role(clients: Clients) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    publish = {"Effect": "Allow", "Action": ["sns:Publish", "s3:PutObject"], "Resource": "*"}
    made = clients("iam").create_role(RoleName="serving", AssumeRolePolicyDocument=policy(trust))
    document = policy(READ, LOGS, publish)
    clients("iam").put_role_policy(RoleName="serving", PolicyName="inline", PolicyDocument=document)
    return str(made["Role"]["Arn"])


@pytest.fixture(scope="session")
def make(clients: Clients, role: str) -> Maker:
    clients("s3").create_bucket(Bucket="data")
    archives = {f"add {number}": archive(str(number)) for number in (0, 1, 10, 100)}
    return Maker(clients, archives, role, "data", image=IMAGE)


@pytest.fixture(scope="session")
def figures(clients: Clients) -> Figures:
    """Sums of an endpoint's metrics, once one of them is there."""

    def read(endpoint: str, *wanted: str, **dimensions: str) -> dict[str, float]:
        where = [{"Name": key, "Value": value} for key, value in ({"EndpointName": endpoint} | dimensions).items()]
        deadline = time.monotonic() + 60
        found: dict[str, float] = {}
        while time.monotonic() < deadline and not all(found.get(name) for name in wanted):
            for name in wanted:
                points = clients("cloudwatch").get_metric_statistics(
                    Namespace="AWS/SageMaker", MetricName=name, Dimensions=where, Period=3600, Statistics=["Sum"],
                    StartTime=time.time() - 3600, EndTime=time.time() + 3600,
                )["Datapoints"]  # fmt: skip
                found[name] = float(sum(point["Sum"] for point in points))
            time.sleep(0.2)
        return found

    return read


def body(*values: int, wanted: str = "") -> bytes:
    return json.dumps({"data": values, "id": wanted}).encode()


def answered(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(answer["Body"].read()))

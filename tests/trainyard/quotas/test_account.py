"""What an account answers of its quotas, by recorded shapes of the two APIs."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from trainyard.quotas.account import compare

NAME = "ml.g5.2xlarge for training job usage"
CODE = "L-2D6DEB3C"
METRIC = {
    "MetricNamespace": "AWS/Usage",
    "MetricName": "ResourceCount",
    "MetricDimensions": {"Service": "SageMaker", "Class": "None", "Type": "Resource", "Resource": "training-job/x"},
    "MetricStatisticRecommendation": "Maximum",
}


class Account:
    """Clients of an account whose answers are given."""

    def __init__(self) -> None:
        keys = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
        self.clients = {name: boto3.client(name, **keys) for name in ("service-quotas", "cloudwatch")}
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()

    def client(self, service: str) -> Any:
        return self.clients[service]

    def has(self, value: float, *maxima: float, metric: bool = True) -> None:
        quota = {"QuotaCode": CODE, "Value": value, **({"UsageMetric": METRIC} if metric else {})}
        wanted = {"ServiceCode": "sagemaker", "QuotaCode": CODE}
        self.stubs["service-quotas"].add_response("get_service_quota", {"Quota": quota}, wanted)
        if metric:
            points = [{"Maximum": each} for each in maxima]
            wanted = {"Namespace": "AWS/Usage", "MetricName": "ResourceCount", "Period": 3600,
                      "Statistics": ["Maximum"], "Dimensions": ANY, "StartTime": ANY, "EndTime": ANY}  # fmt: skip
            self.stubs["cloudwatch"].add_response("get_metric_statistics", {"Datapoints": points}, wanted)


@pytest.fixture(scope="module")
def clients() -> Account:
    return Account()


@pytest.fixture
def account(clients: Account) -> Iterator[Account]:
    yield clients
    for stub in clients.stubs.values():
        stub.assert_no_pending_responses()


def test_a_quota_that_suffices_is_not_lacking(account: Account) -> None:
    account.has(4, 1, 3)
    (row,) = compare({NAME: 4}, account)
    assert (row.allowed, row.used, row.lacking) == (4, 3, False)


def test_one_that_is_too_low_comes_with_the_command(account: Account) -> None:
    account.has(0)
    (row,) = compare({NAME: 2}, account)
    assert row.lacking
    assert row.request == (
        "aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code L-2D6DEB3C "
        "--desired-value 2"
    )


def test_use_that_nobody_publishes_is_not_zero(account: Account) -> None:
    account.has(4)
    (row,) = compare({NAME: 1}, account)
    assert row.used is None


def test_a_quota_without_a_metric_asks_no_cloudwatch(account: Account) -> None:
    account.has(4, metric=False)
    (row,) = compare({NAME: 1}, account)
    assert row.used is None


def test_a_quota_that_the_region_lacks_is_unknown_and_not_too_low(account: Account) -> None:
    account.stubs["service-quotas"].add_client_error("get_service_quota", "NoSuchResourceException")
    (row,) = compare({NAME: 9}, account)
    assert (row.allowed, row.lacking) == (None, False)


def test_offline_nobody_is_asked(account: Account) -> None:
    (row,) = compare({NAME: 9}, None)
    assert (row.code, row.allowed) == (CODE, None)


def test_a_name_that_the_table_lacks_has_no_code(account: Account) -> None:
    (row,) = compare({"ml.x9.large for training job usage": 1}, account)
    assert row.code is None

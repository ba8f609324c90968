"""What ran, and what it cost by the table of prices."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainyard.cost.prices import Prices
from trainyard.local.api.store import Store
from trainyard.local.budgets.spend import Spend

PRICE = 0.115  # ml.m5.large/training and /hosting of us-east-1.csv
NOW = 1_800_000_000.0


class Hosting:
    """Endpoints of the cloud, as its service answers."""

    def __init__(self, count: int = 2) -> None:
        self.count = count

    def call(self, operation: str, request: dict[str, Any], _caller: object) -> dict[str, Any]:
        answers: dict[str, dict[str, Any]] = {
            "ListEndpoints": {"Endpoints": [{"EndpointName": "it", "EndpointArn": "arn:it"}]},
            "DescribeEndpoint": {
                "EndpointConfigName": "config",
                "ProductionVariants": [{"VariantName": "a", "CurrentInstanceCount": self.count}, {"VariantName": "s"}],
            },
            "DescribeEndpointConfig": {
                "ProductionVariants": [{"VariantName": "a", "InstanceType": "ml.m5.large"}, {"VariantName": "s"}]
            },
            "ListTags": {"Tags": [{"Key": "team", "Value": "vision"}]},
            "ListClusters": {"ClusterSummaries": []},
        }
        return answers[operation]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "it.db")


def spend(store: Store, hosting: Any = None) -> Spend:
    context: Any = SimpleNamespace(store=store, account="123456789012", region="us-east-1")
    return Spend(context, hosting or Hosting(), Prices.load("us-east-1"))


def job(**changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobArn": "arn:job",
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": NOW - 1000}],
        "_RunSeconds": 0.0,
        "Tags": [{"Key": "environment", "Value": "dev"}],
        **changes,
    }


def test_an_ended_job_costs_its_billable_seconds_on_every_host(store: Store) -> None:
    store.insert("TrainingJob", "a", job(BillableTimeInSeconds=1800, TrainingEndTime=NOW - 5))
    (charge,) = spend(store).charges(NOW)
    assert (charge.usd, charge.time, charge.tags) == (pytest.approx(PRICE), NOW - 5, {"environment": "dev"})


def test_a_running_job_costs_what_it_has_run(store: Store) -> None:
    begun = [{"Status": "Training", "StartTime": NOW - 60}]
    store.insert("TrainingJob", "a", job(SecondaryStatusTransitions=begun, _RunSeconds=30.0))
    (charge,) = spend(store).charges(NOW)
    assert charge.seconds == 180


def test_a_job_that_waits_for_hosts_costs_nothing(store: Store) -> None:
    store.insert("TrainingJob", "a", job())
    (charge,) = spend(store).charges(NOW)
    assert charge.usd == 0


def test_what_has_no_price_is_said_and_in_no_sum(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.insert(
        "TrainingJob", "a", job(ResourceConfig={"InstanceType": "ml.x9.large", "InstanceCount": 1},
                                BillableTimeInSeconds=60, TrainingEndTime=NOW)
    )  # fmt: skip
    assert spend(store).charges(NOW) == []
    assert "no price of ml.x9.large/training" in caplog.text


def test_instances_of_endpoints_are_metered_between_two_looks(store: Store) -> None:
    meter = spend(store)
    for moment in (NOW, NOW + 10, NOW + 20):
        meter.look(moment)
    (charge,) = meter.charges(NOW + 20)
    assert (charge.seconds, charge.tags) == (40, {"team": "vision"})
    assert charge.usd == pytest.approx(40 / 3600 * PRICE)


def test_the_time_in_which_the_cloud_was_down_costs_nothing(store: Store) -> None:
    meter = spend(store)
    meter.look(NOW)
    meter.look(NOW + 5000)
    assert meter.charges(NOW + 5000) == []

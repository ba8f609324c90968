"""The function's code as Lambda imports it, over the embedded cloud's quotas in this process."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Caller, Context, Service
from trainyard.local.api.store import Store
from trainyard.local.faults import Faults
from trainyard.local.governance import ComputeQuotas, versioned
from trainyard.local.tags import Tags

FOLDER = str(Path(__file__).resolve().parents[3] / "constructs_lib/governance/functions")
if FOLDER not in sys.path:
    sys.path.append(FOLDER)

CALLER = Caller(account="123456789012", region="us-east-1", arn="arn:aws:iam::123456789012:root")
CLUSTER = "arn:aws:sagemaker:us-east-1:123456789012:cluster/abcdefabcdef"


class SageMaker:
    """A client of the quotas, which fails where a test says so."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.calls = Counter[str]()
        self.plan: dict[str, list[Any]] = {}
        """By operation: what its next calls do first, an error code or a function."""

    def _call(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        self.calls[name] += 1
        happens = self.plan.get(name) or [None]
        first = happens.pop(0)
        if isinstance(first, str):
            raise ClientError({"Error": {"Code": first, "Message": "planned"}}, name)
        if first is not None:
            first()
        try:
            return self._service.call(name, request, CALLER)
        except ServiceError as error:
            raise ClientError({"Error": {"Code": error.code, "Message": error.message}}, name) from error

    def __getattr__(self, name: str) -> Any:
        operation = "".join(word.capitalize() for word in name.split("_"))
        return lambda **request: self._call(operation, request)

    def get_paginator(self, name: str) -> Any:
        class Pages:
            paginate = staticmethod(lambda **request: [getattr(self, name)(**request)])

        return Pages


class World:
    """The quotas, their client, and a clock that only waiting moves."""

    def __init__(self, folder: Path) -> None:
        self.now, self.seconds_left = 1_000_000.0, 300.0
        context = Context(
            store=Store(folder / "db"), platform=None, state=folder, account=CALLER.account,
            region=CALLER.region, faults=Faults(),
        )  # fmt: skip
        self.family = ComputeQuotas(context, settle_seconds=5)
        self.sagemaker = SageMaker(Service("sagemaker", self.family, Tags(context)))

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.seconds_left -= seconds

    def quotas(self) -> Any:
        from compute_quota.quotas import Quotas

        return Quotas(self.sagemaker, lambda: self.seconds_left, self.sleep)

    def there(self) -> list[dict[str, Any]]:
        """The quotas that there are once nothing is under way."""
        self.now += 60
        rows = self.sagemaker.list_compute_quotas()["ComputeQuotaSummaries"]
        return [self.sagemaker.describe_compute_quota(ComputeQuotaId=row["ComputeQuotaId"]) for row in rows]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path)
    monkeypatch.setattr(versioned, "time", made)
    yield made
    monkeypatch.undo()


def request(team: str = "research", count: int = 2, **changes: Any) -> dict[str, Any]:
    """CreateComputeQuota for a team."""
    return {
        "Name": team,
        "ClusterArn": CLUSTER,
        "ComputeQuotaConfig": {
            "ComputeQuotaResources": [{"InstanceType": "ml.p5.48xlarge", "Count": count}],
            "ResourceSharingConfig": {"Strategy": "LendAndBorrow", "BorrowLimit": 50},
            "PreemptTeamTasks": "LowerPriority",
        },
        "ComputeQuotaTarget": {"TeamName": team, "FairShareWeight": 10},
        "ActivationState": "Enabled",
        **changes,
    }


def as_text(value: Any) -> Any:
    """Properties as CloudFormation hands them on."""
    if isinstance(value, dict):
        return {name: as_text(inner) for name, inner in value.items()}
    return [as_text(inner) for inner in value] if isinstance(value, list) else str(value)

"""Compute quotas and scheduler policies as the embedded cloud keeps them, called in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Caller, Context, Service
from trainyard.local.api.store import Store
from trainyard.local.clusters.documents import new_cluster
from trainyard.local.faults import Faults
from trainyard.local.governance import ComputeQuotas, SchedulerPolicies, versioned

CALLER = Caller(account="123456789012", region="us-east-1", arn="arn:aws:iam::123456789012:root")
CLUSTER = "arn:aws:sagemaker:us-east-1:123456789012:cluster/abcdefabcdef"
Call = Callable[..., dict[str, Any]]


class Clock:
    """The time as the families see it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(versioned, "time", made)
    return made


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(
        store=Store(tmp_path / "db"), platform=None, state=tmp_path, account=CALLER.account, region=CALLER.region,
        faults=Faults(),
    )  # fmt: skip


@pytest.fixture
def call(context: Context, clock: Clock) -> Call:
    service = Service("sagemaker", ComputeQuotas(context, 10), SchedulerPolicies(context, 10))

    def answer(name: str, **request: Any) -> dict[str, Any]:
        return service.call(name, request, CALLER)

    return answer


def quota(name: str = "research", count: int = 2, **changes: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "ClusterArn": CLUSTER,
        "ComputeQuotaConfig": {"ComputeQuotaResources": [{"InstanceType": "ml.p5.48xlarge", "Count": count}]},
        "ComputeQuotaTarget": {"TeamName": name},
        **changes,
    }


def refusal(call: Call, name: str, **request: Any) -> str:
    with pytest.raises(ServiceError) as raised:
        call(name, **request)
    return raised.value.code


def made(call: Call, clock: Clock, **request: Any) -> str:
    identity: str = call("CreateComputeQuota", **{**quota(), **request})["ComputeQuotaId"]
    clock.now += 11
    return identity


def status(call: Call, identity: str) -> str:
    found: str = call("DescribeComputeQuota", ComputeQuotaId=identity)["Status"]
    return found


def put_cluster(context: Context, orchestrator: str) -> None:
    group = {"InstanceGroupName": "workers", "InstanceType": "ml.p5.48xlarge", "InstanceCount": 4}
    request = {"ClusterName": "c", "Orchestrator": {orchestrator: {}}, "InstanceGroups": [group]}
    context.store.insert("cluster", "c", new_cluster(request, CLUSTER))


def test_a_quota_takes_its_time_to_be_made(call: Call, clock: Clock) -> None:
    identity = call("CreateComputeQuota", **quota())["ComputeQuotaId"]
    assert status(call, identity) == "Creating"
    clock.now += 11
    assert status(call, identity) == "Created"


def test_it_is_active_unless_said_otherwise(call: Call, clock: Clock) -> None:
    assert call("DescribeComputeQuota", ComputeQuotaId=made(call, clock))["ActivationState"] == "Enabled"


def test_a_name_is_once_in_a_cluster(call: Call, clock: Clock) -> None:
    made(call, clock)
    assert refusal(call, "CreateComputeQuota", **quota(ComputeQuotaTarget={"TeamName": "other"})) == "ConflictException"


def test_a_team_has_one_quota_in_a_cluster(call: Call, clock: Clock) -> None:
    made(call, clock)
    again = quota("again", ComputeQuotaTarget={"TeamName": "research"})
    assert refusal(call, "CreateComputeQuota", **again) == "ConflictException"


def test_another_cluster_may_have_the_same_name(call: Call, clock: Clock) -> None:
    made(call, clock)
    assert call("CreateComputeQuota", **quota(ClusterArn=f"{CLUSTER[:-1]}0"))["ComputeQuotaId"]


def test_an_update_makes_a_version(call: Call, clock: Clock) -> None:
    identity = made(call, clock)
    call("UpdateComputeQuota", ComputeQuotaId=identity, TargetVersion=1, Description="more")
    clock.now += 11
    found = call("DescribeComputeQuota", ComputeQuotaId=identity)
    assert (found["ComputeQuotaVersion"], found["Status"], found["Description"]) == (2, "Updated", "more")
    assert found["ComputeQuotaConfig"] == quota()["ComputeQuotaConfig"]


def test_an_older_version_can_be_described(call: Call, clock: Clock) -> None:
    identity = made(call, clock)
    call("UpdateComputeQuota", ComputeQuotaId=identity, TargetVersion=1, Description="more")
    assert "Description" not in call("DescribeComputeQuota", ComputeQuotaId=identity, ComputeQuotaVersion=1)


def test_an_update_of_what_another_one_changed_is_a_conflict(call: Call, clock: Clock) -> None:
    identity = made(call, clock)
    call("UpdateComputeQuota", ComputeQuotaId=identity, TargetVersion=1, Description="first")
    clock.now += 11
    update = {"ComputeQuotaId": identity, "TargetVersion": 1, "Description": "second"}
    assert refusal(call, "UpdateComputeQuota", **update) == "ConflictException"


@pytest.mark.parametrize("operation", ["UpdateComputeQuota", "DeleteComputeQuota"])
def test_what_is_under_way_takes_no_further_change(call: Call, operation: str) -> None:
    identity = call("CreateComputeQuota", **quota())["ComputeQuotaId"]
    more = {"TargetVersion": 1} if operation.startswith("Update") else {}
    assert refusal(call, operation, ComputeQuotaId=identity, **more) == "ConflictException"


def test_what_was_deleted_is_gone_after_a_while(call: Call, clock: Clock) -> None:
    identity = made(call, clock)
    call("DeleteComputeQuota", ComputeQuotaId=identity)
    assert status(call, identity) == "Deleting"
    clock.now += 11
    assert refusal(call, "DescribeComputeQuota", ComputeQuotaId=identity) == "ResourceNotFound"


def test_more_than_the_cluster_has_fails_when_it_is_carried_out(call: Call, clock: Clock, context: Context) -> None:
    put_cluster(context, "Eks")
    identity = made(call, clock, **quota(count=5))
    found = call("DescribeComputeQuota", ComputeQuotaId=identity)
    assert (found["Status"], "4 × ml.p5.48xlarge" in found["FailureReason"]) == ("CreateFailed", True)


def test_an_update_that_fails_leaves_the_version_in_effect(call: Call, clock: Clock, context: Context) -> None:
    put_cluster(context, "Eks")
    identity = made(call, clock)
    more = quota(count=5)["ComputeQuotaConfig"]
    call("UpdateComputeQuota", ComputeQuotaId=identity, TargetVersion=1, ComputeQuotaConfig=more)
    clock.now += 11
    found = call("DescribeComputeQuota", ComputeQuotaId=identity)
    assert (found["Status"], found["ComputeQuotaVersion"]) == ("UpdateFailed", 1)
    assert found["ComputeQuotaConfig"] == quota()["ComputeQuotaConfig"]


def test_a_cluster_with_slurm_takes_none(call: Call, context: Context) -> None:
    put_cluster(context, "Slurm")
    assert refusal(call, "CreateComputeQuota", **quota()) == "ValidationException"


def test_a_cluster_of_another_account_is_not_found(call: Call) -> None:
    other = CLUSTER.replace("123456789012", "111111111111")
    assert refusal(call, "CreateComputeQuota", **quota(ClusterArn=other)) == "ResourceNotFound"


def test_a_list_holds_those_of_one_cluster(call: Call, clock: Clock) -> None:
    made(call, clock)
    made(call, clock, **quota("other", ClusterArn=f"{CLUSTER[:-1]}0"))
    rows = call("ListComputeQuotas", ClusterArn=CLUSTER)["ComputeQuotaSummaries"]
    assert [row["Name"] for row in rows] == ["research"]


def test_a_list_holds_those_of_a_status(call: Call, clock: Clock) -> None:
    made(call, clock)
    call("CreateComputeQuota", **quota("other"))
    rows = call("ListComputeQuotas", Status="Creating")["ComputeQuotaSummaries"]
    assert [row["Name"] for row in rows] == ["other"]


def test_a_policy_names_a_class_once(call: Call) -> None:
    classes = [{"Name": "training", "Weight": 1}, {"Name": "training", "Weight": 2}]
    request = {"Name": "it", "ClusterArn": CLUSTER, "SchedulerConfig": {"PriorityClasses": classes}}
    assert refusal(call, "CreateClusterSchedulerConfig", **request) == "ValidationException"


def test_a_policy_has_versions_too(call: Call, clock: Clock) -> None:
    identity = call("CreateClusterSchedulerConfig", Name="it", ClusterArn=CLUSTER, SchedulerConfig={})[
        "ClusterSchedulerConfigId"
    ]
    clock.now += 11
    update = {"ClusterSchedulerConfigId": identity, "TargetVersion": 1, "SchedulerConfig": {"FairShare": "Disabled"}}
    assert call("UpdateClusterSchedulerConfig", **update)["ClusterSchedulerConfigVersion"] == 2

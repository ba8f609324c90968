"""The function's entry: what CloudFormation asks and is told, what the schedule looks at."""

from __future__ import annotations

import io
import json
import urllib.request
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.constructs_lib.governance.conftest import CLUSTER, World, as_text, request


class Metrics:
    """CloudWatch, as far as the function uses it."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], float] = {}

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:
        for datum in MetricData:
            self.values[Namespace, *(row["Value"] for row in datum["Dimensions"])] = datum["Value"]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Answers that CloudFormation got."""
    found: list[dict[str, Any]] = []

    def put(sent: urllib.request.Request, timeout: float) -> io.BytesIO:
        assert (sent.get_method(), sent.full_url) == ("PUT", "https://example.com/answer")
        found.append(json.loads(sent.data))
        return io.BytesIO()

    monkeypatch.setattr(urllib.request, "urlopen", put)
    return found


Event = dict[str, Any]


def event(kind: str, wanted: dict[str, Any], identity: str | None = None, old: Any = None) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": "https://example.com/answer",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/governance/1",
        "RequestId": "1",
        "LogicalResourceId": "Quota",
        "ResourceProperties": {"ServiceToken": "x", "Request": as_text(wanted)},
        **({"PhysicalResourceId": identity} if identity else {}),
        **({"OldResourceProperties": {"Request": as_text(old)}} if old else {}),
    }


def serve(world: World, *arguments: Any) -> None:
    from compute_quota import index

    index.serve(event(*arguments), world.quotas())


def look(world: World, identity: str, then: str = "tell") -> Metrics:
    from compute_quota import index

    metrics = Metrics()
    seen = {"ComputeQuotaId": identity, "Request": as_text(request()), "OnDrift": then}
    index.look(seen, world.quotas(), metrics)
    return metrics


def made(world: World, told: list[dict[str, Any]]) -> str:
    serve(world, "Create", request())
    identity: str = told.pop()["PhysicalResourceId"]
    return identity


def test_create_answers_with_the_id(world: World, told: list[dict[str, Any]]) -> None:
    serve(world, "Create", request())
    (quota,), (answer,) = world.there(), told
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == answer["Data"]["ComputeQuotaId"] == quota["ComputeQuotaId"]


def test_numbers_reach_the_api_as_numbers(world: World, told: list[dict[str, Any]]) -> None:
    made(world, told)
    assert world.there()[0]["ComputeQuotaConfig"] == request()["ComputeQuotaConfig"]


def test_a_create_that_fails_leaves_nothing_that_a_rollback_would_delete(
    world: World, told: list[dict[str, Any]]
) -> None:
    world.family.failure = lambda *_: "no capacity"
    serve(world, "Create", request())
    serve(world, "Delete", request(), told[0]["PhysicalResourceId"])
    assert [answer["Status"] for answer in told] == ["FAILED", "SUCCESS"]
    assert "no capacity" in told[0]["Reason"]


def test_a_rollback_deletes_nothing_of_somebody_elses(world: World, told: list[dict[str, Any]]) -> None:
    world.quotas().make(request(), "somebody else")
    serve(world, "Create", request())
    serve(world, "Delete", request(), told[0]["PhysicalResourceId"])
    assert [answer["Status"] for answer in told] == ["FAILED", "SUCCESS"]
    assert len(world.there()) == 1


def test_an_update_keeps_the_resource(world: World, told: list[dict[str, Any]]) -> None:
    identity = made(world, told)
    serve(world, "Update", request(count=1), identity, request())
    assert told[0]["PhysicalResourceId"] == identity
    assert world.there()[0]["ComputeQuotaVersion"] == 2


def test_an_update_restores_what_somebody_changed_outside(world: World, told: list[dict[str, Any]]) -> None:
    identity = made(world, told)
    world.sagemaker.update_compute_quota(ComputeQuotaId=identity, TargetVersion=1, ActivationState="Disabled")
    serve(world, "Update", request(count=1), identity, request())
    assert world.there()[0]["ActivationState"] == "Enabled"


def test_another_team_is_another_resource(world: World, told: list[dict[str, Any]]) -> None:
    identity = made(world, told)
    serve(world, "Update", request("vision"), identity, request())
    assert told[0]["PhysicalResourceId"] != identity
    assert len(world.there()) == 2


def test_the_rollback_of_a_replacement_takes_up_the_old_one_again(world: World, told: list[dict[str, Any]]) -> None:
    identity = made(world, told)
    serve(world, "Update", request("vision"), identity, request())
    serve(world, "Update", request(), told[0]["PhysicalResourceId"], request("vision"))
    assert told[1]["PhysicalResourceId"] == identity


def test_deleting_twice_succeeds_twice(world: World, told: list[dict[str, Any]]) -> None:
    identity = made(world, told)
    for _ in range(2):
        serve(world, "Delete", request(), identity)
    assert [answer["Status"] for answer in told] == ["SUCCESS", "SUCCESS"]


def test_a_refusal_is_told_in_its_own_words(world: World, told: list[dict[str, Any]]) -> None:
    world.sagemaker.plan["CreateComputeQuota"] = ["ResourceLimitExceeded"]
    serve(world, "Create", request())
    assert "ResourceLimitExceeded" in told[0]["Reason"]


def test_an_answer_that_is_not_delivered_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from compute_quota.answer import answer

    tries: list[int] = []

    def put(*_: Any, **__: Any) -> io.BytesIO:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("reset")
        return io.BytesIO()

    monkeypatch.setattr(urllib.request, "urlopen", put)
    answer(event("Create", request()), identity="x")
    assert len(tries) == 3


def test_an_answer_that_never_arrives_fails_the_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    from compute_quota.answer import answer

    def put(*_: Any, **__: Any) -> io.BytesIO:
        raise OSError("reset")

    monkeypatch.setattr(urllib.request, "urlopen", put)
    with pytest.raises(OSError, match="reset"):
        answer(event("Create", request()), identity="x")


def test_no_drift_is_a_zero_and_not_silence(world: World, told: list[dict[str, Any]]) -> None:
    metrics = look(world, made(world, told))
    assert metrics.values == {("Trainyard/Governance", CLUSTER): 0, ("Trainyard/Governance", CLUSTER, "research"): 0}


def test_every_difference_counts(world: World, told: list[dict[str, Any]]) -> None:
    identity = made(world, told)
    target = {"TeamName": "research", "FairShareWeight": 99}
    world.sagemaker.update_compute_quota(
        ComputeQuotaId=identity, TargetVersion=1, ActivationState="Disabled", ComputeQuotaTarget=target
    )
    world.now += 60
    assert look(world, identity).values["Trainyard/Governance", CLUSTER] == 2


def test_a_quota_that_is_gone_is_drift(world: World, told: list[dict[str, Any]]) -> None:
    identity = made(world, told)
    world.quotas().remove(identity)
    assert look(world, identity).values["Trainyard/Governance", CLUSTER] == 1


def test_telling_changes_nothing(world: World, told: list[dict[str, Any]]) -> None:
    identity = made(world, told)
    world.sagemaker.update_compute_quota(ComputeQuotaId=identity, TargetVersion=1, ActivationState="Disabled")
    world.now += 60
    look(world, identity)
    assert world.there()[0]["ActivationState"] == "Disabled"


def test_restoring_brings_back_what_was_deployed_and_tells_it(world: World, told: list[dict[str, Any]]) -> None:
    identity = made(world, told)
    world.sagemaker.update_compute_quota(ComputeQuotaId=identity, TargetVersion=1, ActivationState="Disabled")
    world.now += 60
    assert look(world, identity, "restore").values["Trainyard/Governance", CLUSTER] == 1
    assert world.there()[0]["ActivationState"] == "Enabled"


def test_what_is_gone_is_told_and_not_made_again(world: World, told: list[dict[str, Any]]) -> None:
    identity = made(world, told)
    world.quotas().remove(identity)
    assert look(world, identity, "restore").values["Trainyard/Governance", CLUSTER] == 1
    assert world.there() == []


@pytest.mark.parametrize("then", ["tell", "restore"])
def test_a_quota_that_may_not_be_looked_at_is_told_like_one_that_differs(
    world: World, told: list[dict[str, Any]], then: str
) -> None:
    identity = made(world, told)
    world.sagemaker.plan["DescribeComputeQuota"] = ["AccessDeniedException"]
    assert look(world, identity, then).values["Trainyard/Governance", CLUSTER, "research"] == 1
    assert world.sagemaker.calls["UpdateComputeQuota"] == 0


def test_what_may_not_be_restored_is_told_and_ends_nothing(world: World, told: list[dict[str, Any]]) -> None:
    identity = made(world, told)
    world.sagemaker.update_compute_quota(ComputeQuotaId=identity, TargetVersion=1, ActivationState="Disabled")
    world.now += 60
    world.sagemaker.plan["UpdateComputeQuota"] = ["AccessDeniedException"]
    assert look(world, identity, "restore").values["Trainyard/Governance", CLUSTER] == 1


def test_a_look_from_before_a_deployment_neither_tells_nor_takes_it_back(
    world: World, told: list[dict[str, Any]]
) -> None:
    identity = made(world, told)
    serve(world, "Update", request(count=1), identity, request())
    assert look(world, identity, "restore").values["Trainyard/Governance", CLUSTER] == 0
    assert world.there()[0]["ComputeQuotaConfig"] == request(count=1)["ComputeQuotaConfig"]


def test_what_nobody_thought_of_is_answered_all_the_same(world: World, told: list[dict[str, Any]]) -> None:
    broken = request()
    del broken["ComputeQuotaTarget"]
    serve(world, "Delete", broken, "made-up-by-cloudformation")
    assert told[0]["Status"] == "FAILED"
    assert "KeyError: 'ComputeQuotaTarget'" in told[0]["Reason"]


@given(st.text(max_size=5000))
def test_an_answer_is_no_longer_than_cloudformation_reads(reason: str) -> None:
    from compute_quota.answer import answer

    sent: list[bytes] = []

    def put(asked: urllib.request.Request, timeout: float) -> io.BytesIO:
        sent.append(asked.data)
        return io.BytesIO()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urllib.request, "urlopen", put)
        answer(event("Create", request()), identity="a" * 12, reason=f"x{reason}")
    assert len(sent[0]) <= 4096
    assert json.loads(sent[0])["Reason"].startswith("x")

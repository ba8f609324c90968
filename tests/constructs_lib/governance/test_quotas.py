"""A quota is made once, changed against its version, removed twice; what fails half way leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.constructs_lib.governance.conftest import World, request

US, OTHERS = "a" * 64, "b" * 64


def fails(world: World, work: Any, *arguments: Any) -> str:
    from compute_quota.failures import Failed

    with pytest.raises(Failed) as raised:
        work(*arguments)
    return str(raised.value)


def carry_out(world: World, reason: str | None) -> None:
    """From now on a change fails for a reason, or succeeds."""
    world.family.failure = lambda *_: reason


def test_a_quota_is_ready_when_its_id_is_given(world: World) -> None:
    identity = world.quotas().make(request(), US)
    assert world.sagemaker.describe_compute_quota(ComputeQuotaId=identity)["Status"] == "Created"


def test_a_call_that_was_sent_twice_makes_one(world: World) -> None:
    assert world.quotas().make(request(), US) == world.quotas().make(request(), US)


def test_what_an_earlier_call_made_is_brought_to_what_is_asked_now(world: World) -> None:
    world.quotas().make(request(count=1), US)
    world.quotas().make(request(count=2), US)
    (found,) = world.there()
    assert found["ComputeQuotaConfig"] == request(count=2)["ComputeQuotaConfig"]


def test_a_foreign_quota_of_that_name_is_left_alone_and_named(world: World) -> None:
    world.quotas().make(request(count=1), OTHERS)
    assert "this stack did not make" in fails(world, world.quotas().make, request(count=2), US)
    (found,) = world.there()
    assert found["ComputeQuotaConfig"] == request(count=1)["ComputeQuotaConfig"]


def test_a_quota_that_fails_is_taken_back(world: World) -> None:
    carry_out(world, "no capacity")
    assert "CreateFailed: no capacity" in fails(world, world.quotas().make, request(), US)
    assert world.there() == []


def test_a_quota_that_takes_too_long_is_refused_and_taken_back(world: World) -> None:
    world.seconds_left = 2
    assert "still Creating" in fails(world, world.quotas().make, request(), US)
    assert world.there() == []


def test_what_could_not_be_taken_back_is_made_anew_by_the_next_try(world: World) -> None:
    carry_out(world, "no capacity")
    world.sagemaker.plan["DeleteComputeQuota"] = ["InternalFailure"] * 4
    fails(world, world.quotas().make, request(), US)
    (left,) = world.there()
    carry_out(world, None)
    assert world.quotas().make(request(), US) != left["ComputeQuotaId"]
    assert [found["Status"] for found in world.there()] == ["Created"]


def test_an_error_while_waiting_takes_the_quota_back(world: World) -> None:
    world.sagemaker.plan["DescribeComputeQuota"] = ["AccessDeniedException"]
    with pytest.raises(ClientError, match="AccessDenied"):
        world.quotas().make(request(), US)
    assert world.there() == []


def test_what_is_as_asked_is_not_changed(world: World) -> None:
    identity = world.quotas().make(request(), US)
    world.quotas().change(identity, request())
    assert world.sagemaker.calls["UpdateComputeQuota"] == 0


def test_a_change_that_met_another_one_is_made_on_top_of_it(world: World) -> None:
    identity = world.quotas().make(request(), US)

    def somebody_else() -> None:
        world.sagemaker.plan["UpdateComputeQuota"] = []
        world.sagemaker.update_compute_quota(ComputeQuotaId=identity, TargetVersion=1, Description="theirs")

    world.sagemaker.plan["UpdateComputeQuota"] = [somebody_else]
    world.quotas().change(identity, request(count=1))
    (found,) = world.there()
    assert (found["ComputeQuotaVersion"], found["ComputeQuotaConfig"]) == (3, request(count=1)["ComputeQuotaConfig"])


def test_a_change_that_always_meets_others_ends(world: World) -> None:
    identity = world.quotas().make(request(), US)
    world.sagemaker.plan["UpdateComputeQuota"] = ["ConflictException"] * 1000
    assert "others kept changing it" in fails(world, world.quotas().change, identity, request(count=1))


def test_a_change_that_fails_says_why(world: World) -> None:
    identity = world.quotas().make(request(), US)
    carry_out(world, "more than there is")
    assert "UpdateFailed: more than there is" in fails(world, world.quotas().change, identity, request(count=9))


def test_the_old_properties_are_restored_after_a_change_that_failed(world: World) -> None:
    identity = world.quotas().make(request(), US)
    carry_out(world, "more than there is")
    fails(world, world.quotas().change, identity, request(count=9))
    carry_out(world, None)
    world.quotas().change(identity, request())
    (found,) = world.there()
    assert (found["Status"], found["ComputeQuotaConfig"]) == ("Updated", request()["ComputeQuotaConfig"])


def test_a_change_of_what_is_gone_says_so(world: World) -> None:
    assert "gone" in fails(world, world.quotas().change, "a" * 12, request())


def test_what_was_removed_is_gone_when_the_call_returns(world: World) -> None:
    identity = world.quotas().make(request(), US)
    world.quotas().remove(identity)
    assert world.quotas().describe(identity) is None


def test_removing_twice_is_no_error(world: World) -> None:
    identity = world.quotas().make(request(), US)
    world.quotas().remove(identity)
    world.quotas().remove(identity)
    assert world.sagemaker.calls["DeleteComputeQuota"] == 1


def test_what_somebody_else_removes_meanwhile_is_removed(world: World) -> None:
    identity = world.quotas().make(request(), US)
    world.sagemaker.plan["DeleteComputeQuota"] = ["ResourceNotFound"]
    world.quotas().remove(identity)


def test_a_removal_waits_for_a_change_that_is_under_way(world: World) -> None:
    identity = world.quotas().make(request(), US)
    world.sagemaker.plan["DeleteComputeQuota"] = ["ConflictException"]
    world.quotas().remove(identity)
    assert world.there() == []


def test_a_refusal_that_waiting_does_not_cure_is_handed_on(world: World) -> None:
    world.sagemaker.plan["CreateComputeQuota"] = ["ResourceLimitExceeded"]
    with pytest.raises(ClientError, match="ResourceLimitExceeded"):
        world.quotas().make(request(), US)

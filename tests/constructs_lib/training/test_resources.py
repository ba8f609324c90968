"""Hosts of several kinds: what goes together, and what the request says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.training import (
    HeterogeneousResources,
    InstanceGroup,
    InstancePreference,
    OnDemandCapacity,
    PreferredResources,
    SpotCapacity,
    TrainingPlan,
    TrainingResources,
    WarmPool,
)
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError
from ml_contract.training.layout import World

PLAN = "arn:aws:sagemaker:eu-west-1:123456789012:training-plan/plan"
ONE = TrainingResources(instance_type="ml.g5.12xlarge", instance_count=2, volume_gib=10, efa=False)


def group(name: str, instance_type: str = "ml.g5.12xlarge", count: int = 2) -> InstanceGroup:
    return InstanceGroup(name=name, instance_type=instance_type, instance_count=count)


def groups(*found: InstanceGroup) -> HeterogeneousResources:
    return HeterogeneousResources(instance_groups=found, volume_gib=10, efa=False)


def preferred(*found: InstancePreference, count: int | None = None) -> PreferredResources:
    return PreferredResources(preferences=found, instance_count=count, volume_gib=10, efa=False)


def test_groups_stand_in_the_request_in_place_of_a_type() -> None:
    assert groups(group("a"), group("b", "ml.c5.xlarge", 1)).render("key") == {
        "InstanceGroups": [
            {"InstanceGroupName": "a", "InstanceType": "ml.g5.12xlarge", "InstanceCount": 2},
            {"InstanceGroupName": "b", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
        ],
        "VolumeSizeInGB": 10,
    }


def test_a_key_is_named_where_no_type_has_disks_of_its_own() -> None:
    assert groups(group("a", "ml.c5.xlarge"), group("b", "ml.m5.large")).render("key")["VolumeKmsKeyId"] == "key"


def test_groups_have_different_names() -> None:
    with pytest.raises(InvalidValue, match=r"^HeterogeneousResources.instance_groups: got \('a', 'a'\), .* Rename one"):
        groups(group("a"), group("a"))


def test_there_are_at_most_five_groups() -> None:
    with pytest.raises(InvalidValue, match="it must hold at most 5 items"):
        groups(*(group(str(number)) for number in range(6)))


def test_an_invented_type_in_a_group_names_the_field() -> None:
    with pytest.raises(InvalidValue, match=r"^HeterogeneousResources.instance_groups.instance_type: got 'ml.z9.large'"):
        groups(group("a", "ml.z9.large"))


def test_efa_is_asked_of_every_type() -> None:
    with pytest.raises(InvalidValue, match=r"instance_type: got 'ml.c5.xlarge', but this type has no Elastic Fabric"):
        HeterogeneousResources(
            instance_groups=(group("a", "ml.p4d.24xlarge"), group("b", "ml.c5.xlarge")), volume_gib=10, efa=True
        )


def test_ranks_of_alike_groups_are_one_world() -> None:
    assert groups(group("a"), group("b", "ml.g6.12xlarge", 3)).worlds() == (World(hosts=5, ranks_per_host=4),)


def test_groups_with_different_ranks_have_no_world() -> None:
    with pytest.raises(ContractError, match=r"^instance_groups: .*would have \[1, 4\] ranks, .* program of your own"):
        groups(group("a"), group("b", "ml.c5.xlarge")).worlds()


@given(st.lists(st.none() | st.integers(1, 4), min_size=1, max_size=3), st.none() | st.integers(1, 4))
def test_hosts_are_counted_once(counts: list[int | None], together: int | None) -> None:
    types = ("ml.g5.xlarge", "ml.g5.2xlarge", "ml.g6.xlarge")
    found = [
        InstancePreference(instance_type=name, instance_count=count) for name, count in zip(types, counts, strict=False)
    ]
    each, none = all(count is not None for count in counts), all(count is None for count in counts)
    if (each and together is None) or (none and together is not None):
        hosts = [world.hosts for world in preferred(*found, count=together).worlds()]
        assert hosts == [count or together for count in counts]
        return
    with pytest.raises(InvalidValue, match="either it is given, or every preference has its own"):
        preferred(*found, count=together)


def test_a_type_is_preferred_once() -> None:
    with pytest.raises(InvalidValue, match=r"preferences: .* a type stands in the list once"):
        preferred(*[InstancePreference(instance_type="ml.g5.xlarge")] * 2, count=1)


def test_preferences_stand_in_the_request_in_order() -> None:
    found = preferred(
        InstancePreference(instance_type="ml.p5.48xlarge", training_plan=PLAN),
        InstancePreference(instance_type="ml.p4d.24xlarge"),
        count=2,
    )
    assert found.render("key") == {
        "InstancePreferences": [
            {"InstanceType": "ml.p5.48xlarge", "TrainingPlanArns": [PLAN]},
            {"InstanceType": "ml.p4d.24xlarge"},
        ],
        "InstanceCount": 2,
        "VolumeSizeInGB": 10,
    }


ON_DEMAND = OnDemandCapacity(max_run_seconds=60)
PREFERRED = preferred(InstancePreference(instance_type="ml.p5.48xlarge", training_plan=PLAN), count=1)
FORBIDDEN = {
    "spot with preferences": (SpotCapacity(max_run_seconds=60, max_wait_seconds=60), PREFERRED,
                              r"^resources: got 'PreferredResources', but preferences are for on-demand instances"),
    "a warm pool of groups": (WarmPool(max_run_seconds=60, keep_alive_seconds=60), groups(group("a")),
                              r"^resources: got 'HeterogeneousResources', but a warm pool keeps instances of one type"),
    "two plans": (TrainingPlan(max_run_seconds=60, plan=PLAN), PREFERRED,
                  r"^capacity.plan: .* a preference names a plan of its own"),
    "pending without GPUs": (
        OnDemandCapacity(max_run_seconds=60, max_pending_seconds=1800),
        TrainingResources(instance_type="ml.c5.xlarge", instance_count=1, volume_gib=10, efa=False),
        r"^capacity.max_pending_seconds: got 1800, but it has no effect on types without accelerators \(ml.c5.xlarge\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_capacity_that_its_hosts_cannot_have(name: str) -> None:
    capacity, hosts, message = FORBIDDEN[name]
    with pytest.raises(ContractError, match=message):
        capacity.check(hosts)


@pytest.mark.parametrize("hosts", [ONE, PREFERRED, groups(group("a"))])
def test_instances_on_demand_may_be_of_any_kind(hosts: TrainingResources) -> None:
    ON_DEMAND.check(hosts)


def test_a_plan_and_a_pending_time_stand_in_the_request() -> None:
    capacity = TrainingPlan(max_run_seconds=60, max_pending_seconds=3600, plan=PLAN)
    capacity.check(ONE)
    assert capacity.resources() == {"TrainingPlanArn": PLAN}
    assert capacity.bind(None)["StoppingCondition"] == {"MaxRuntimeInSeconds": 60, "MaxPendingTimeInSeconds": 3600}


@pytest.mark.parametrize("seconds", [1799, 2419201])
def test_a_pending_time_is_between_half_an_hour_and_28_days(seconds: int) -> None:
    with pytest.raises(InvalidValue, match=r"max_pending_seconds"):
        OnDemandCapacity(max_run_seconds=60, max_pending_seconds=seconds)


def test_a_plan_is_an_arn() -> None:
    with pytest.raises(InvalidValue, match=r"^TrainingPlan.plan: got 'plan'"):
        TrainingPlan(max_run_seconds=60, plan="plan")

"""Quotas against the cluster that they divide, and values that the API would refuse."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.governance import (
    Devices,
    DontLend,
    DriftCheck,
    GovernanceSettings,
    Instances,
    Lend,
    LendAndBorrow,
    Partitions,
    PriorityClass,
    SchedulerPolicy,
    TeamQuota,
    Tell,
)
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError
from ml_contract.instances import instance

P5 = "ml.p5.48xlarge"
POLICY = SchedulerPolicy(name="shared", fair_share="Enabled", classes=(PriorityClass(name="training", weight=80),))


def group(name: str, count: int, orchestrator: str = "Eks", *types: str, labels: dict[str, str] | None = None) -> Any:
    """As much of an instance group as governance looks at."""
    hosts, duty = SimpleNamespace(types=types or (P5,)), SimpleNamespace(orchestrator=orchestrator, labels=labels or {})
    return SimpleNamespace(name=name, count=count, hosts=hosts, duty=duty)


def quota(team: str, *resources: Any, **changes: Any) -> TeamQuota:
    return TeamQuota(team=team, resources=resources, **{"sharing": LendAndBorrow(), **changes})


def settings(*quotas: TeamQuota, policy: SchedulerPolicy = POLICY) -> GovernanceSettings:
    return GovernanceSettings(policy=policy, quotas=quotas, drift=DriftCheck(every_minutes=15, then=Tell()))


def instances(count: int, name: str = P5) -> Instances:
    return Instances(instance_type=name, count=count)


def test_quotas_that_fill_the_cluster_are_taken() -> None:
    settings(quota("a", instances(12)), quota("b", instances(4))).check([group("workers", 16)])


def test_groups_of_one_type_count_together() -> None:
    settings(quota("a", instances(16))).check([group("one", 10), group("two", 6)])


def test_a_quota_larger_than_the_cluster_is_refused() -> None:
    with pytest.raises(ContractError, match=r"16 × ml\.p5\.48xlarge, 128 accelerators"):
        settings(quota("a", instances(17))).check([group("workers", 16)])


def test_quotas_that_together_are_larger_than_the_cluster_are_refused() -> None:
    with pytest.raises(ContractError, match="106% of the accelerators"):
        settings(quota("a", instances(16)), quota("b", Devices(instance_type=P5, accelerators=8))).check(
            [group("workers", 16)]
        )


def test_devices_and_instances_count_against_the_same_cluster() -> None:
    settings(quota("a", instances(15)), quota("b", Devices(instance_type=P5, accelerators=8))).check(
        [group("workers", 16)]
    )


def test_processors_that_others_leave_are_enough() -> None:
    one = instance(P5)
    devices = Devices(instance_type=P5, accelerators=8, vcpus=1, memory_gib=1)
    rest = Devices(instance_type=P5, vcpus=one.vcpus - 1, memory_gib=one.memory_gib - 1)
    settings(quota("a", devices), quota("b", rest)).check([group("workers", 1)])


def seventh(count: int, profile: str = "mig-1g.10gb") -> Partitions:
    return Partitions(instance_type=P5, profile=profile, count=count)


DIVIDED = {"nvidia.com/mig.config": "all-1g.10gb"}


def test_partitions_and_instances_count_against_the_same_cluster() -> None:
    one_node = quota("a", seventh(7 * 8))
    settings(one_node, quota("b", instances(15))).check([group("workers", 16, labels=DIVIDED)])
    with pytest.raises(ContractError, match="106% of the accelerators"):
        settings(one_node, quota("b", instances(16))).check([group("workers", 16, labels=DIVIDED)])


def test_kinds_of_partitions_are_rows_of_their_own() -> None:
    rows = quota("a", seventh(7), seventh(2, "mig-3g.40gb")).request("arn")["ComputeQuotaConfig"]
    assert [row["AcceleratorPartition"] for row in rows["ComputeQuotaResources"]] == [
        {"Type": "mig-1g.10gb", "Count": 7}, {"Type": "mig-3g.40gb", "Count": 2},
    ]  # fmt: skip
    with pytest.raises(InvalidValue, match=r"resources: got 'ml.p5.48xlarge mig-1g.10gb', but a quota has one row"):
        quota("a", seventh(7), seventh(1))


@pytest.mark.parametrize(
    ("asked", "labels", "match"),
    [
        (seventh(1), {}, r'nothing divides the accelerators .*"nvidia.com/mig.config": "all-1g.10gb"'),
        (seventh(1, "mig-1g.5gb"), DIVIDED, r"profile: got 'mig-1g.5gb', but an accelerator of .* has mig-1g.10gb"),
        (seventh(7 * 8 + 1), DIVIDED, "the cluster has 1 × ml.p5.48xlarge"),
    ],
)
def test_partitions_that_nobody_has_are_refused(asked: Partitions, labels: dict[str, str], match: str) -> None:
    with pytest.raises(ContractError, match=match):
        settings(quota("a", asked)).check([group("workers", 1, labels=labels)])


def test_a_type_that_the_cluster_does_not_have_is_refused() -> None:
    with pytest.raises(ContractError, match=r"the cluster has ml\.p5\.48xlarge"):
        settings(quota("a", instances(1, "ml.g5.xlarge"))).check([group("workers", 16)])


def test_a_group_that_starts_empty_gives_nothing() -> None:
    with pytest.raises(ContractError, match="the cluster has no instance"):
        settings(quota("a", instances(1))).check([group("workers", 0)])


def test_accelerators_of_a_type_without_any_are_refused() -> None:
    with pytest.raises(ContractError, match="has no accelerator"):
        settings(quota("a", Devices(instance_type="ml.c5.xlarge", accelerators=1))).check(
            [group("workers", 1, "Eks", "ml.c5.xlarge")]
        )


def test_a_borrowing_limit_beyond_the_cluster_is_refused() -> None:
    with pytest.raises(ContractError, match=r"quotas\.a\.sharing\.limits"):
        settings(quota("a", instances(1), sharing=LendAndBorrow(limits=(instances(17),)))).check([group("workers", 16)])


def test_a_cluster_with_slurm_has_no_quotas() -> None:
    with pytest.raises(ContractError, match="Slurm has none"):
        settings(quota("a", instances(1))).check([group("workers", 1, "Slurm")])


@given(st.integers(1, 64), st.lists(st.integers(1, 32), min_size=1, max_size=6))
def test_quotas_of_instances_fit_exactly_when_their_sum_does(there: int, counts: list[int]) -> None:
    quotas = settings(*(quota(f"team-{index}", instances(count)) for index, count in enumerate(counts)))
    try:
        quotas.check([group("workers", there)])
        fits = True
    except ContractError:
        fits = False
    assert fits == (sum(counts) <= there)


@given(st.integers(1, 16), st.integers(1, 128))
def test_accelerators_bring_processors_and_memory_in_their_ratio(there: int, devices: int) -> None:
    shares = Devices(instance_type=P5, accelerators=devices).shares(instance(P5), there)
    assert shares == (Fraction(devices, 8 * there),) * 3


def test_a_team_has_one_quota() -> None:
    with pytest.raises(InvalidValue, match="one quota in a cluster"):
        settings(quota("a", instances(1)), quota("a", instances(2)))


def test_a_weight_that_nobody_reads_is_refused() -> None:
    policy = SchedulerPolicy(name="shared", fair_share="Disabled")
    with pytest.raises(InvalidValue, match="weights count only where"):
        settings(quota("a", instances(1), weight=10), policy=policy)


def test_a_type_is_in_one_row_of_a_quota() -> None:
    with pytest.raises(InvalidValue, match="one row a type"):
        quota("a", instances(1), Devices(instance_type=P5, accelerators=1))


def test_an_allocation_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue, match="gives nothing"):
        Devices(instance_type=P5)


@pytest.mark.parametrize("team", ["Research", "a_b", "-a", "a-", "a" * 41])
def test_a_team_that_cannot_be_a_namespace_is_refused(team: str) -> None:
    with pytest.raises(InvalidValue, match="team"):
        quota(team, instances(1))


@pytest.mark.parametrize("limit", [0, 501])
def test_a_borrowing_limit_has_a_range(limit: int) -> None:
    with pytest.raises(InvalidValue, match="limit_percent"):
        LendAndBorrow(limit_percent=limit)


def test_a_borrowing_limit_is_once_a_type() -> None:
    with pytest.raises(InvalidValue, match="one limit"):
        LendAndBorrow(limits=(instances(1), instances(2)))


def test_a_weight_is_at_most_a_hundred() -> None:
    with pytest.raises(InvalidValue, match="at most 100"):
        PriorityClass(name="training", weight=101)


def test_a_class_is_named_once() -> None:
    classes = (PriorityClass(name="training", weight=1), PriorityClass(name="training", weight=2))
    with pytest.raises(InvalidValue, match="one weight"):
        SchedulerPolicy(name="shared", fair_share="Enabled", classes=classes)


def test_ten_classes_are_the_most() -> None:
    classes = tuple(PriorityClass(name=f"c{index}", weight=index) for index in range(11))
    with pytest.raises(InvalidValue, match="at most 10"):
        SchedulerPolicy(name="shared", fair_share="Enabled", classes=classes)


@pytest.mark.parametrize(
    ("sharing", "wanted"),
    [
        (DontLend(), {"Strategy": "DontLend"}),
        (Lend(), {"Strategy": "Lend"}),
        (LendAndBorrow(limit_percent=100), {"Strategy": "LendAndBorrow", "BorrowLimit": 100}),
        (
            LendAndBorrow(limits=(Devices(instance_type=P5, accelerators=8),)),
            {
                "Strategy": "LendAndBorrow",
                "BorrowLimit": 50,
                "AbsoluteBorrowLimits": [{"InstanceType": P5, "Accelerators": 8}],
            },
        ),
    ],
)
def test_sharing_is_told_in_the_words_of_the_api(sharing: Any, wanted: dict[str, Any]) -> None:
    assert sharing.render() == wanted

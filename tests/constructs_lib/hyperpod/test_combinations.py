"""What does not go together in one cluster."""

from typing import Any

import pytest
from hyperpod_values import ZONE, controller, group, login, pods, settings
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.hyperpod import Compute, Karpenter, NodeClass, OneType, Spot, TrainingPlan

PLAN = "arn:aws:sagemaker:eu-west-1:123456789012:training-plan/large"


def refused(match: str):
    return pytest.raises(ValueError, match=match)


def scaled(*names: str) -> Karpenter:
    return Karpenter(node_classes=(NodeClass(name="gpu", groups=names),))


@given(st.lists(st.text(alphabet="aAbB1", min_size=1, max_size=2), min_size=1, max_size=4))
def test_names_of_groups_differ_in_more_than_their_case(names: list[str]) -> None:
    try:
        settings(*(pods(name) for name in names))
        taken = True
    except ValueError as error:
        assert "groups have different names" in str(error)  # noqa: PT017
        taken = False
    assert taken == (len({name.lower() for name in names}) == len(names))


def test_groups_belong_to_one_orchestrator() -> None:
    with refused("all groups belong to one orchestrator"):
        settings(controller(), pods())


def test_a_minimum_needs_continuous_provisioning() -> None:
    with refused(r"groups\.workers\.minimum: got 1, but with AllOrNothing every instance must come"):
        settings(controller(), group(minimum=1), provisioning="AllOrNothing")


def test_spot_needs_continuous_provisioning() -> None:
    with refused("provisioning: got 'AllOrNothing', but spot instances"):
        settings(pods(capacity=Spot()), provisioning="AllOrNothing")


def test_a_plans_instances_are_asked_for_in_its_zone() -> None:
    with refused(r"groups\.workers\.zone: got 'eu-west-1a', but its plan reserved instances in eu-west-1b"):
        settings(controller(), group(capacity=TrainingPlan(plan=PLAN, zone="eu-west-1b")))


def test_a_plan_in_the_groups_own_zone_is_taken() -> None:
    plan = TrainingPlan(plan=PLAN, zone="eu-west-1b")
    assert settings(controller(), group(capacity=plan, zone="eu-west-1b")).group("workers").capacity == plan


def test_a_partition_with_efa_is_of_one_zone() -> None:
    with refused("EFA does not cross zones, and workers of the same partition is in eu-west-1a"):
        settings(controller(), group(), group("more", zone="eu-west-1b"))


def test_partitions_of_their_own_are_of_zones_of_their_own() -> None:
    more = group("more", zone="eu-west-1b", duty=Compute(partition="other"))
    assert settings(controller(), group(), more).zone_of(more) == "eu-west-1b"


def test_a_partition_without_efa_may_be_of_several_zones() -> None:
    small = OneType(instance_type="ml.m5.large")
    assert settings(controller(), group(hosts=small), group("more", zone="eu-west-1b", hosts=small)).instances == 5


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"provisioning": "AllOrNothing"}, "provisioning: got .AllOrNothing., but Karpenter .* Continuous alone"),
        ({"recovery": "None"}, "recovery: got .None., but Karpenter .* Automatic alone"),
        ({"autoscaling": scaled("other")}, "autoscaling.node_classes: got 'other', but the groups are pods"),
    ],
)
def test_autoscaling_stands_on_the_cluster(fields: dict[str, Any], match: str) -> None:
    with refused(match):
        settings(pods(count=0), **{"autoscaling": scaled("pods"), **fields})


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"count": 1}, r"groups\.pods\.count: got 1, but a scaled group begins at 0"),
        ({"capacity": TrainingPlan(plan=PLAN, zone=ZONE)}, "Karpenter takes instances on demand or spot"),
        ({"deep_checks": ("InstanceStress",)}, "pods that wait for an instance would wait for hours"),
    ],
)
def test_a_scaled_group_is_left_to_karpenter(fields: dict[str, Any], match: str) -> None:
    with refused(match):
        settings(pods(**{"count": 0, **fields}), autoscaling=scaled("pods"))


def test_a_controller_is_not_scaled() -> None:
    with refused("Karpenter scales nodes of EKS alone"):
        settings(controller(count=0), login(), autoscaling=scaled("controller"))


def test_a_spot_group_may_be_scaled() -> None:
    found = settings(pods(count=0, capacity=Spot()), autoscaling=scaled("pods"))
    assert found.autoscaling is not None
    assert found.autoscaling.scaled == ("pods",)


def test_a_node_class_has_ten_groups() -> None:
    with refused("groups"):
        NodeClass(name="gpu", groups=tuple(f"g{number}" for number in range(11)))


def test_a_node_class_names_a_group_once() -> None:
    with refused("a group is named once"):
        NodeClass(name="gpu", groups=("a", "a"))


def test_node_classes_have_different_names() -> None:
    with refused("node classes have different names"):
        Karpenter(node_classes=(NodeClass(name="gpu", groups=("a",)), NodeClass(name="gpu", groups=("b",))))


def test_a_group_has_no_name_of_another_construct() -> None:
    with refused("groups.name: got 'Cluster', but something else of the cluster has this name.*Write it cluster"):
        settings(pods("Cluster"))

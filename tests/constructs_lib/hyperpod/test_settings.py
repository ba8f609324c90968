"""A cluster as a value, and what CloudFormation is told of it."""

import pytest
from hyperpod_values import group, pods, settings

from constructs_lib.hyperpod import Karpenter, NodeClass, TieredCheckpoints


def refused(match: str):
    return pytest.raises(ValueError, match=match)


def test_a_clusters_name_is_short() -> None:
    with refused("ClusterSettings.name"):
        settings(name="a" * 64)


@pytest.mark.parametrize(("percent", "rule"), [(19, "at least 20"), (81, "at most 80")])
def test_a_share_of_memory_leaves_jobs_a_fifth(percent: int, rule: str) -> None:
    with refused(f"memory_percent: got {percent}, but it must be {rule}"):
        TieredCheckpoints(memory_percent=percent)


def test_a_group_that_is_not_there_is_named_with_those_that_are() -> None:
    with refused("group: got 'worker', but the groups are controller, workers"):
        settings().group("worker")


def test_a_cluster_that_waits_for_every_node_says_nothing_of_how_it_is_provisioned() -> None:
    assert settings(provisioning="AllOrNothing", recovery="None").render() == {
        "cluster_name": "hall", "node_recovery": "None",
    }  # fmt: skip


def test_a_cluster_is_rendered_with_all_that_it_has() -> None:
    scaled = Karpenter(node_classes=(NodeClass(name="gpu", groups=("pods",)),))
    found = settings(pods(count=0), tiered=TieredCheckpoints(memory_percent=40), autoscaling=scaled)
    assert found.render() == {
        "cluster_name": "hall", "node_recovery": "Automatic", "node_provisioning_mode": "Continuous",
        "tiered_storage_config": {"mode": "Enable", "instanceMemoryAllocationPercentage": 40},
        "auto_scaling": {"mode": "Enable", "autoScalerType": "Karpenter"},
    }  # fmt: skip


def test_a_group_is_rendered_with_all_that_it_has() -> None:
    found = group(minimum=1, deep_checks=("InstanceStress",), interface="efa", release="1.2.3", threads_per_core=1)
    assert found.render() == {
        "instance_group_name": "workers", "instance_count": 2, "instance_type": "ml.p5.48xlarge",
        "capacity_requirements": {"onDemand": {}}, "min_instance_count": 1,
        "on_start_deep_health_checks": ["InstanceStress"], "network_interface": {"interfaceType": "efa"},
        "image_release_version": "1.2.3", "threads_per_core": 1,
    }  # fmt: skip


def test_a_group_says_nothing_of_what_is_left_to_hyperpod() -> None:
    assert set(group().render()) == {"instance_group_name", "instance_count", "instance_type", "capacity_requirements"}

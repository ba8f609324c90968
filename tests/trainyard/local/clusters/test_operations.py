"""A cluster is updated, told of, deleted, and outlives a restart of the cloud."""

from __future__ import annotations

from typing import Any

import pytest

from tests.trainyard.local.clusters.stand_in import CONTINUOUS, SLURM, Cloud, group, slurm


def test_an_update_grows_shrinks_adds_and_deletes_groups(cloud: Cloud) -> None:
    cloud.create(group("a", 1), group("b", 2))
    kept = cloud.ids()
    changed = {"InstanceGroups": [group("a", 2), group("d", 1)], "InstanceGroupsToDelete": ["b"]}
    cloud.call("UpdateCluster", ClusterName="c", **changed)
    assert cloud.refused("UpdateCluster", NodeRecovery="None").code == "ConflictException"
    cloud.settled("InService")
    counts = {g["InstanceGroupName"]: g["CurrentCount"] for g in cloud.describe()["InstanceGroups"]}
    assert counts == {"a": 2, "d": 1}
    assert len(set(cloud.ids()) & set(kept)) == 1
    assert {m.slot.group for m in cloud.place.alive()} == {"a", "d"}


def test_an_update_that_fails_leaves_what_was(cloud: Cloud) -> None:
    cloud.create(group("a", 2))
    before = cloud.ids()
    cloud.place.outcomes["b"] = ["1"]
    cloud.call("UpdateCluster", ClusterName="c", InstanceGroups=[group("a", 1), group("b", 1)])
    found = cloud.settled("InService")
    assert "exit code 1" in found["FailureMessage"]
    assert [(g["InstanceGroupName"], g["TargetCount"]) for g in found["InstanceGroups"]] == [("a", 2)]
    assert cloud.ids() == before
    assert len(cloud.place.alive()) == 2


def test_another_lifecycle_is_for_nodes_to_come(cloud: Cloud) -> None:
    cloud.create(group(count=1))
    cloud.objects["lifecycle/other.sh"] = b"true"
    config = {"SourceS3Uri": "s3://sagemaker-scripts/lifecycle", "OnCreate": "other.sh"}
    cloud.call("UpdateCluster", ClusterName="c", InstanceGroups=[group(count=2, LifeCycleConfig=config)])
    cloud.settled("InService")
    assert [name for _, _, name in cloud.place.ran] == ["on_create.sh", "other.sh"]
    shown = [cloud.call("DescribeClusterNode", ClusterName="c", NodeId=node)["NodeDetails"] for node in cloud.ids()]
    assert [node["LifeCycleConfig"]["OnCreate"] for node in shown] == ["on_create.sh", "other.sh"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"NodeProvisioningMode": "Continuous"}, "keeps the mode"),
        ({}, "got nothing to update"),
        ({"InstanceGroupsToDelete": ["x"]}, "got 'x', but there is workers"),
        ({"InstanceGroups": [group(InstanceType="ml.c5.large")]}, "InstanceType: it cannot change in a group"),
        ({"InstanceGroups": [group()], "InstanceGroupsToDelete": ["workers"]}, "Name it in one of them"),
        ({"Orchestrator": {"Slurm": {}}}, "it cannot change"),
    ],
)
def test_an_update_that_cannot_be_is_refused(cloud: Cloud, request_: dict[str, Any], said: str) -> None:
    cloud.create(group(count=1))
    assert said in cloud.refused("UpdateCluster", **request_).message


def test_a_restart_of_the_cloud_starts_the_nodes_anew(cloud: Cloud) -> None:
    cloud.create(group())
    before = cloud.ids()
    cloud.end()
    assert not cloud.place.alive()
    cloud.begin()
    found = cloud.describe()
    assert (found["ClusterStatus"], found["InstanceGroups"][0]["Status"]) == ("SystemUpdating", "SystemUpdating")
    cloud.settled("InService")
    assert cloud.describe()["InstanceGroups"][0]["Status"] == "InService"
    assert cloud.ids() == before
    assert len(cloud.place.ran) == 4


def test_a_deleted_cluster_leaves_nothing(cloud: Cloud) -> None:
    cloud.place.outcomes["workers"] = ["hang", "0"]
    arn = cloud.create(wait="")["ClusterArn"]
    cloud.until(lambda: len(cloud.place.ran) == 2)
    cloud.call("DeleteCluster", ClusterName=arn)
    cloud.until(lambda: cloud.call("ListClusters")["ClusterSummaries"] == [])
    assert not cloud.place.alive()
    assert all(not cloud.store.list(kind) for kind in ("cluster", "cluster-node", "cluster-event"))
    cloud.place.outcomes.clear()
    assert cloud.create()["ClusterArn"] != arn


def test_event_bridge_hears_of_states_and_with_continuous_provisioning_of_events(cloud: Cloud) -> None:
    cloud.place.outcomes["workers"] = ["1"]
    arn = cloud.create(wait="Failed")["ClusterArn"]
    cloud.until(lambda: len(cloud.heard) == 3)
    assert [(kind, resource, detail["ClusterStatus"]) for kind, resource, detail in cloud.heard] == [
        ("SageMaker HyperPod Cluster State Change", arn, status) for status in ("Creating", "RollingBack", "Failed")
    ]
    assert "did not run successfully" in cloud.heard[-1][2]["FailureMessage"]
    cloud.heard.clear()
    cloud.call("CreateCluster", ClusterName="d", InstanceGroups=[group(count=0)], **CONTINUOUS)
    cloud.until(lambda: len(cloud.heard) >= 3)
    told = [detail["EventDetails"] for kind, _, detail in cloud.heard if kind == "SageMaker HyperPod Cluster Event"]
    assert told[0]["Description"] == "Cluster d is InService"


def test_events_are_for_continuous_clusters(cloud: Cloud) -> None:
    cloud.create(group(count=1))
    assert "NodeProvisioningMode is Continuous only" in cloud.refused("ListClusterEvents").message


def test_under_the_managed_strategy_an_update_fails_on_changes_by_hand(cloud: Cloud) -> None:
    cloud.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 1), **SLURM)
    cloud.place.by_hand = ["KillWait=60"]
    changed = {"InstanceGroups": [slurm("workers", "Compute", 2)]}
    said = cloud.refused("UpdateCluster", **changed).message
    assert "got Managed, but slurm.conf has changes by hand: KillWait=60. Give Merge to keep them" in said
    for strategy, kept in (("Merge", True), ("Overwrite", False)):
        merged = {"Orchestrator": {"Slurm": {"SlurmConfigStrategy": strategy}}}
        cloud.call("UpdateCluster", ClusterName="c", **changed, **merged)
        cloud.settled("InService")
        assert cloud.place.kept[-1] is kept
        changed = {"InstanceGroups": [slurm("workers", "Compute", 3)]}

"""Nodes are added, deleted and rebooted by name."""

from __future__ import annotations

from tests.trainyard.local.clusters.stand_in import SLURM_CONTINUOUS, Cloud, group, slurm


def test_nodes_are_added_and_deleted_by_name(cloud: Cloud) -> None:
    cloud.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 1), **SLURM_CONTINUOUS)
    cloud.until(lambda: cloud.statuses() == ["Running"] * 2)
    increments = [("workers", 2), ("nobody", 1)]
    rows = [{"InstanceGroupName": name, "IncrementTargetCountBy": by} for name, by in increments]
    asked = {"NodesToAdd": rows, "ClientToken": "t"}
    first = cloud.call("BatchAddClusterNodes", ClusterName="c", **asked)
    again = cloud.call("BatchAddClusterNodes", ClusterName="c", **asked)
    logical = [row["NodeLogicalId"] for row in first["Successful"]]
    assert logical == [row["NodeLogicalId"] for row in again["Successful"]]
    assert first["Failed"] == [{"InstanceGroupName": "nobody", "ErrorCode": "InstanceGroupNotFound", "FailedCount": 1}]
    cloud.until(lambda: cloud.statuses() == ["Running"] * 4)
    assert cloud.describe()["ClusterStatus"] == "InService"
    head = cloud.ids()[0]
    named = {"NodeIds": [head, "i-00000000"], "NodeLogicalIds": logical}
    answer = cloud.call("BatchDeleteClusterNodes", ClusterName="c", **named)
    assert [(row["NodeId"], row["Code"]) for row in answer["Failed"]] == [
        (head, "InvalidNodeStatus"), ("i-00000000", "NodeIdNotFound")]  # fmt: skip
    assert answer["SuccessfulNodeLogicalIds"] == logical
    cloud.until(lambda: len(cloud.nodes()) == 2)
    assert cloud.describe()["InstanceGroups"][1]["TargetCount"] == 1
    assert len(cloud.place.alive()) == 2


def test_a_node_that_is_still_being_made_can_be_deleted(cloud: Cloud) -> None:
    cloud.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 0), **SLURM_CONTINUOUS)
    cloud.place.outcomes["workers"] = ["hang"]
    rows = [{"InstanceGroupName": "workers", "IncrementTargetCountBy": 1}]
    [added] = cloud.call("BatchAddClusterNodes", ClusterName="c", NodesToAdd=rows)["Successful"]
    cloud.until(lambda: len(cloud.place.ran) == 2)
    cloud.call("BatchDeleteClusterNodes", ClusterName="c", NodeLogicalIds=[added["NodeLogicalId"]])
    cloud.until(lambda: len(cloud.nodes()) == 1)
    assert [machine.slot.group for machine in cloud.place.alive()] == ["head"]


def test_a_reboot_keeps_the_instance_and_does_not_run_its_lifecycle(cloud: Cloud) -> None:
    cloud.create(group(count=1))
    before = cloud.ids()
    cloud.call("BatchRebootClusterNodes", ClusterName="c", NodeIds=before)
    cloud.until(lambda: len(cloud.place.machines) == 2 and cloud.statuses() == ["Running"])
    assert cloud.ids() == before
    assert len(cloud.place.ran) == 1

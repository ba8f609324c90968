"""Nodes that fail are noticed, told of and replaced."""

from __future__ import annotations

import pytest

from tests.trainyard.local.clusters.stand_in import SLURM_CONTINUOUS, Cloud, group, slurm


@pytest.mark.parametrize("kind", ["NodeLoss", "NodeHealth"])
def test_a_faulty_node_is_replaced_and_its_lifecycle_runs_again(cloud: Cloud, kind: str) -> None:
    cloud.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 2), **SLURM_CONTINUOUS)
    cloud.until(lambda: cloud.statuses() == ["Running"] * 3)
    before = cloud.call("ListClusterNodes", ClusterName="c", IncludeNodeLogicalIds=True)["ClusterNodeSummaries"]
    lost = before[1]
    address = cloud.call("DescribeClusterNode", ClusterName="c", NodeId=lost["InstanceId"])["NodeDetails"][
        "PrivatePrimaryIp"]  # fmt: skip
    cloud.fault(kind, lost["InstanceId"], Reason="XidHardwareFailure")
    cloud.until(lambda: lost["InstanceId"] not in cloud.ids() and cloud.statuses() == ["Running"] * 3)
    found = cloud.call("DescribeClusterNode", ClusterName="c", NodeLogicalId=lost["NodeLogicalId"])["NodeDetails"]
    assert found["InstanceId"] != lost["InstanceId"]
    assert found["PrivatePrimaryIp"] == address
    assert [instance for _, instance, _ in cloud.place.ran][-1] == found["InstanceId"]
    assert cloud.place.gone == [lost["InstanceId"]]
    assert len(cloud.place.alive()) == 3
    health = [detail for kind, _, detail in cloud.heard if kind == "SageMaker HyperPod Cluster Node Health Event"]
    assert [(row["InstanceId"], row["HealthSummary"]["RepairAction"]) for row in health] == [
        (lost["InstanceId"], "Replace")]  # fmt: skip
    assert cloud.events(NodeId=lost["InstanceId"])[-2:] == ["Instance is unhealthy", "Instance replacement started"]
    assert cloud.faults.remaining() == []


def test_without_recovery_a_lost_node_stays_failed(cloud: Cloud) -> None:
    cloud.create(group(), NodeRecovery="None")
    first, second = cloud.ids()
    cloud.place.machines[0].kill()
    cloud.until(lambda: "Failure" in cloud.statuses())
    assert sorted(cloud.ids()) == sorted([first, second])
    cloud.until(lambda: cloud.describe()["InstanceGroups"][0]["Status"] == "Degraded")
    failed = next(node for node in cloud.nodes() if node["InstanceStatus"]["Status"] == "Failure")
    assert "lost its power" in failed["InstanceStatus"]["Message"]
    cloud.call("BatchReplaceClusterNodes", ClusterName="c", NodeIds=[failed["InstanceId"]])
    cloud.until(lambda: cloud.statuses() == ["Running"] * 2)
    assert failed["InstanceId"] not in cloud.ids()

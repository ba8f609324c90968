"""A software update goes through the nodes batch by batch, and back."""

from __future__ import annotations

from typing import Any

from tests.trainyard.local.clusters.stand_in import Cloud, group


def rolling(size: int, **fields: Any) -> dict[str, Any]:
    policy = {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": size}}
    return {"RollingUpdatePolicy": policy, "AutoRollbackConfiguration": [{"AlarmName": "a"}], **fields}


def test_a_software_update_goes_batch_by_batch_with_the_lifecycle_again(cloud: Cloud) -> None:
    cloud.create(group(count=3))
    before = cloud.ids()
    cloud.call("UpdateClusterSoftware", ClusterName="c", DeploymentConfig=rolling(2))
    least = 3
    while cloud.describe()["ClusterStatus"] != "InService":
        least = min(least, cloud.statuses().count("Running"))
    assert least >= 1
    assert cloud.ids() == before
    assert len(cloud.place.ran) == 6
    assert cloud.describe()["InstanceGroups"][0]["SoftwareUpdateStatus"] == "Succeeded"
    node = cloud.call("DescribeClusterNode", ClusterName="c", NodeId=before[0])["NodeDetails"]
    assert node["LastSoftwareUpdateTime"] > node["LaunchTime"]


def test_an_alarm_takes_a_software_update_back(cloud: Cloud) -> None:
    cloud.create(group(count=3))
    cloud.call("UpdateClusterSoftware", ClusterName="c", DeploymentConfig=rolling(1, WaitIntervalInSeconds=3600))
    cloud.until(lambda: len(cloud.place.ran) == 4 and cloud.statuses() == ["Running"] * 3)
    cloud.alarm = "ALARM"
    found = cloud.settled("InService")
    assert found["InstanceGroups"][0]["SoftwareUpdateStatus"] == "RollbackComplete"
    assert "ALARM" in found["FailureMessage"]
    assert len(cloud.place.ran) == 5

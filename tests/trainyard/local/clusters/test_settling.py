"""How a cluster comes into being, or is taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_contract.clusters.nodes import ResourceConfig
from tests.trainyard.local.clusters.stand_in import CONTINUOUS, SLURM, SLURM_CONTINUOUS, Cloud, group, slurm


def test_a_cluster_comes_into_service_and_every_node_knows_it(cloud: Cloud) -> None:
    cloud.place.outcomes["workers"] = ["0", "0"]
    found = cloud.create(group("head", 1), group())
    assert [(g["InstanceGroupName"], g["CurrentCount"], g["TargetCount"]) for g in found["InstanceGroups"]] == [
        ("head", 1, 1), ("workers", 2, 2)]  # fmt: skip
    cloud.until(lambda: {g["Status"] for g in cloud.describe()["InstanceGroups"]} == {"InService"})
    texts = {machine.files["/opt/ml/config/resource_config.json"] for machine in cloud.place.machines}
    assert len(texts) == 1
    known = ResourceConfig.from_text(texts.pop().decode())
    assert known.cluster_arn == found["ClusterArn"]
    assert {one.instance_id for g in known.groups for one in g.instances} == set(cloud.ids())
    stream = f"LifecycleConfig/head/{cloud.nodes()[0]['InstanceId']}"
    assert cloud.written[stream][1:] == ["lifecycle: 0", "[OnCreate on_create.sh: exit code 0]"]
    node = cloud.call("DescribeClusterNode", ClusterName="c", NodeId=cloud.ids()[0])["NodeDetails"]
    assert node["PrivateDnsHostname"] == "ip-" + node["PrivatePrimaryIp"].replace(".", "-") + ".ec2.internal"


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("65", "exit code 65; its log ends with 'lifecycle: 65'"), ("hang", "no end within 0.3 s: ended")],
)
def test_a_lifecycle_that_fails_or_hangs_takes_the_cluster_back(tmp_path: Path, outcome: str, said: str) -> None:
    cloud = Cloud(tmp_path, minute_seconds=0.005)
    cloud.place.outcomes["workers"] = ["0", outcome]
    found = cloud.create(wait="Failed")
    assert "Lifecycle scripts did not run successfully" in found["FailureMessage"]
    assert said in found["FailureMessage"]
    assert "log stream LifecycleConfig/workers/i-" in found["FailureMessage"]
    assert found["InstanceGroups"][0]["CurrentCount"] == 0
    assert cloud.nodes() == []
    assert not cloud.place.alive()
    assert cloud.refused("UpdateCluster", NodeRecovery="None").code == "ConflictException"
    cloud.end()


def test_scripts_that_the_role_may_not_read_fail_the_cluster(cloud: Cloud) -> None:
    cloud.denied = True
    assert "AccessDenied (403): the role arn:aws:iam::123456789012:role/nodes" in cloud.create(wait="Failed")[
        "FailureMessage"]  # fmt: skip


def test_scripts_that_are_not_there_fail_the_cluster(cloud: Cloud) -> None:
    cloud.objects.clear()
    assert "No S3 objects found" in cloud.create(wait="Failed")["FailureMessage"]


def test_a_machine_that_cannot_provide_nodes_says_why(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    cloud.siteless = "nodes are Linux namespaces, but only root may make network namespaces"
    assert cloud.siteless in cloud.create(wait="Failed")["FailureMessage"]
    cloud.call("DeleteCluster", ClusterName="c")
    cloud.until(lambda: not cloud.call("ListClusters")["ClusterSummaries"])
    assert not [record for record in caplog.records if record.exc_info]


def test_a_group_that_misses_its_minimum_goes_back(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, minute_seconds=0.002)
    cloud.place.outcomes["workers"] = ["1"] * 1000
    cloud.create(group("others", 1), group(count=3, MinInstanceCount=2), **CONTINUOUS)
    cloud.until(lambda: cloud.describe()["InstanceGroups"][1]["TargetCount"] == 0)
    cloud.until(lambda: len(cloud.nodes()) == 1)
    found = cloud.describe()
    assert (found["ClusterStatus"], found["InstanceGroups"][1]["Status"]) == ("InService", "Failed")
    told = {"ClusterName": "c", "ResourceType": "InstanceGroup"}
    newest = [row["Description"] for row in cloud.call("ListClusterEvents", **told)["Events"]]
    assert "InstanceGroup goes back to 0 instances" in newest
    cloud.end()


def test_continuous_provisioning_counts_only_what_is_made_and_tries_again(tmp_path: Path) -> None:
    # The next attempt is two seconds away, until what there is in between has been seen.
    cloud = Cloud(tmp_path, minute_seconds=60)
    cloud.place.outcomes["workers"] = ["1", "0"]
    cloud.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 2), **SLURM_CONTINUOUS)
    cloud.until(lambda: sorted(cloud.statuses()) == ["Failure", "Running", "Running"])
    workers = cloud.describe()["InstanceGroups"][1]
    assert (workers["CurrentCount"], workers["TargetCount"]) == (1, 2)
    cloud.context.minute_seconds = 1.0
    cloud.until(lambda: cloud.statuses() == ["Running"] * 3)
    assert "Instance creation in Cluster c and InstanceGroup workers failed" in cloud.events()
    cloud.end()


def test_without_its_controller_a_continuous_cluster_fails(cloud: Cloud) -> None:
    cloud.place.outcomes["head"] = ["1"]
    groups = slurm("head", "Controller", 1), slurm("workers", "Compute", 1)
    found = cloud.create(*groups, wait="Failed", **SLURM_CONTINUOUS)
    assert "group head" in found["FailureMessage"]
    assert cloud.nodes() == []


def test_slurm_is_configured_with_the_nodes_that_are_made(cloud: Cloud) -> None:
    workers = slurm("workers", "Compute", 1) | {"SlurmConfig": {"NodeType": "Compute", "PartitionNames": ["dev"]}}
    cloud.create(slurm("head", "Controller", 1), workers, **SLURM)
    last = {slot.group: slot for slot in cloud.place.configured[-1]}
    assert {name: (slot.node_type, slot.partitions, slot.up) for name, slot in last.items()} == {
        "head": ("Controller", (), True), "workers": ("Compute", ("dev",), True)}  # fmt: skip


def test_a_script_after_initialisation_runs_when_slurm_is_up(cloud: Cloud) -> None:
    config = {"SourceS3Uri": "s3://sagemaker-scripts/lifecycle", "OnInitComplete": "on_create.sh"}
    cloud.place.outcomes["head"] = ["3"]
    found = cloud.create(slurm("head", "Controller", 1, LifeCycleConfig=config), wait="Failed", **SLURM)
    assert "OnInitComplete on_create.sh: exit code 3" in found["FailureMessage"]
    assert cloud.place.configured[0][0].up

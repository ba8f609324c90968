"""What becomes of clusters, without machines: created, taken back, grown, shrunk, healed, updated, restarted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_contract.clusters.nodes import ResourceConfig
from tests.trainyard.local.clusters.stand_in import Cloud, group, slurm
from trainyard.local.api.errors import ServiceError

CONTINUOUS = {"NodeProvisioningMode": "Continuous"}
SLURM = {"Orchestrator": {"Slurm": {}}}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path)
    yield made
    made.end()
    assert not made.place.alive()


def events(cloud: Cloud, **wanted: str) -> list[str]:
    rows = cloud.call("ListClusterEvents", ClusterName="c", SortOrder="Ascending", MaxResults=100, **wanted)["Events"]
    return [row["Description"] for row in rows]


def refused(cloud: Cloud, operation: str, **request: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        cloud.call(operation, ClusterName="c", **request)
    return caught.value


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
    assert refused(cloud, "UpdateCluster", NodeRecovery="None").code == "ConflictException"
    cloud.end()


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


def test_an_update_grows_shrinks_adds_and_deletes_groups(cloud: Cloud) -> None:
    cloud.create(group("a", 1), group("b", 2))
    kept = cloud.ids()
    changed = {"InstanceGroups": [group("a", 2), group("d", 1)], "InstanceGroupsToDelete": ["b"]}
    cloud.call("UpdateCluster", ClusterName="c", **changed)
    assert refused(cloud, "UpdateCluster", NodeRecovery="None").code == "ConflictException"
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


@pytest.mark.parametrize("kind", ["NodeLoss", "NodeHealth"])
def test_a_faulty_node_is_replaced_and_its_lifecycle_runs_again(cloud: Cloud, kind: str) -> None:
    cloud.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 2), **SLURM, **CONTINUOUS)
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
    assert events(cloud, NodeId=lost["InstanceId"])[-2:] == ["Instance is unhealthy", "Instance replacement started"]
    assert cloud.faults._list({}, None)["Faults"] == []  # type: ignore[arg-type]


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


def test_continuous_provisioning_counts_only_what_is_made_and_tries_again(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, minute_seconds=8)
    cloud.place.outcomes["workers"] = ["1", "0"]
    cloud.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 2), **SLURM, **CONTINUOUS)
    cloud.until(lambda: sorted(cloud.statuses()) == ["Failure", "Running", "Running"])
    workers = cloud.describe()["InstanceGroups"][1]
    assert (workers["CurrentCount"], workers["TargetCount"]) == (1, 2)
    cloud.until(lambda: cloud.statuses() == ["Running"] * 3)
    assert "Instance creation in Cluster c and InstanceGroup workers failed" in events(cloud)
    cloud.end()


def test_without_its_controller_a_continuous_cluster_fails(cloud: Cloud) -> None:
    cloud.place.outcomes["head"] = ["1"]
    groups = slurm("head", "Controller", 1), slurm("workers", "Compute", 1)
    found = cloud.create(*groups, wait="Failed", **SLURM, **CONTINUOUS)
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


def test_nodes_are_added_and_deleted_by_name(cloud: Cloud) -> None:
    cloud.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 1), **SLURM, **CONTINUOUS)
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
    cloud.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 0), **SLURM, **CONTINUOUS)
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


def test_deep_health_checks_fail_as_a_fault_says(cloud: Cloud) -> None:
    cloud.fault("DeepHealthCheckFailure", "workers", Reason="DcgmDiagnostic")
    found = cloud.create(group(OnStartDeepHealthChecks=["InstanceStress"]), wait="Failed")
    assert "failed the deep health check InstanceStress: DcgmDiagnostic" in found["FailureMessage"]


def test_checks_on_request_replace_the_node_that_fails_them(cloud: Cloud) -> None:
    cloud.create(group())
    good, bad = cloud.ids()
    cloud.fault("DeepHealthCheckFailure", bad, Reason="NcclFailure")
    checks = {"InstanceGroupName": "workers", "DeepHealthChecks": ["InstanceStress", "InstanceConnectivity"]}
    cloud.call("StartClusterHealthCheck", ClusterName="c", DeepHealthCheckConfigurations=[checks])
    cloud.until(lambda: bad not in cloud.ids() and cloud.statuses() == ["Running"] * 2)
    assert good in cloud.ids()
    wrong = {**checks, "InstanceIds": ["i-00000000"]}
    assert "has no such node that runs" in refused(
        cloud, "StartClusterHealthCheck", DeepHealthCheckConfigurations=[wrong]).message  # fmt: skip


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


def test_events_are_for_continuous_clusters(cloud: Cloud) -> None:
    cloud.create(group(count=1))
    assert "NodeProvisioningMode is Continuous only" in refused(cloud, "ListClusterEvents").message


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
    assert said in refused(cloud, "UpdateCluster", **request_).message

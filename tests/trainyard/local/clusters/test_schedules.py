"""Software that is renewed by the calendar, and when nobody works."""

from __future__ import annotations

from typing import Any

import pytest

from tests.trainyard.local.clusters.stand_in import SLURM_CONTINUOUS, WEDNESDAY, Cloud, group, slurm

WEEKLY = {"ScheduleExpression": "cron(0 3 ? * WED *)"}
BATCHES = {"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}}}
DAY = 86400.0


def patched(strategy: str, **fields: Any) -> dict[str, Any]:
    date = {"NextPatchDate": WEDNESDAY + DAY}
    return {"AutoPatchConfig": {"PatchingStrategy": strategy, "PatchSchedule": date, **fields}}


def held(cloud: Cloud) -> list[str]:
    return [what for what, _ in cloud.place.held if what.endswith("cordon")]


def state(cloud: Cloud) -> str:
    return str(cloud.describe()["InstanceGroups"][-1].get("SoftwareUpdateStatus"))


def test_a_scheduled_update_comes_at_its_time_and_not_before(cloud: Cloud) -> None:
    shown = cloud.create(group(ScheduledUpdateConfig={**WEEKLY, "DeploymentConfig": BATCHES}))
    assert shown["InstanceGroups"][0]["ScheduledUpdateConfig"]["ScheduleExpression"] == "cron(0 3 ? * WED *)"
    cloud.time += 60
    assert state(cloud) == "None"
    cloud.time += 60
    cloud.until(lambda: cloud.describe()["ClusterStatus"] == "SystemUpdating")
    assert cloud.describe()["InstanceGroups"][0]["ActiveSoftwareUpdateConfig"] == BATCHES
    cloud.settled("InService")
    assert (state(cloud), len(cloud.place.ran)) == ("Succeeded", 4)
    cloud.time += 7 * DAY - 60
    assert len(cloud.place.ran) == 4
    cloud.time += 60
    cloud.until(lambda: len(cloud.place.ran) == 6 and cloud.describe()["ClusterStatus"] == "InService")


def test_a_time_that_finds_the_cluster_busy_is_kept_until_it_is_not(cloud: Cloud) -> None:
    cloud.create(group(ScheduledUpdateConfig=WEEKLY))
    cloud.call("UpdateClusterSoftware", ClusterName="c", DeploymentConfig={**BATCHES, "WaitIntervalInSeconds": 2})
    cloud.time += 120
    cloud.until(lambda: len(cloud.place.ran) == 6)
    assert cloud.settled("InService")["InstanceGroups"][0]["SoftwareUpdateStatus"] == "Succeeded"


@pytest.mark.parametrize(("strategy", "patched_meanwhile"), [("WhenIdle", 1), ("WhenAllIdle", 0)])
def test_a_patch_waits_for_jobs_alone_or_together(cloud: Cloud, strategy: str, patched_meanwhile: int) -> None:
    workers = slurm("workers", "Compute", 2, **patched(strategy))
    shown = cloud.create(slurm("head", "Controller", 1), workers, **SLURM_CONTINUOUS)
    date = {"NextPatchDate": WEDNESDAY + DAY}
    assert shown["InstanceGroups"][1]["AutoPatchConfig"] == {
        "PatchingStrategy": strategy, "CurrentPatchSchedule": date, "DesiredPatchSchedule": date}  # fmt: skip
    cloud.until(lambda: cloud.statuses() == ["Running"] * 3)
    busy = cloud.ids()[1]
    cloud.place.occupied = {busy}
    before = len(cloud.place.machines)
    cloud.time += DAY
    cloud.until(lambda: held(cloud) == ["cordon"] * 2)
    cloud.until(lambda: len(cloud.place.machines) == before + patched_meanwhile)
    cloud.until(lambda: cloud.statuses() == ["Running"] * 3)
    assert (state(cloud), cloud.describe()["ClusterStatus"]) == ("InProgress", "InService")
    cloud.place.occupied = set()
    cloud.until(lambda: state(cloud) == "Succeeded")
    assert len(cloud.place.machines) == before + 2
    assert cloud.describe()["InstanceGroups"][1]["AutoPatchConfig"] == {"PatchingStrategy": strategy}


def test_who_does_not_become_idle_keeps_its_image_and_gets_work_again(cloud: Cloud) -> None:
    workers = slurm("workers", "Compute", 1, **patched("WhenIdle", IdleWaitWindowInSeconds=7200))
    cloud.create(slurm("head", "Controller", 1), workers, **SLURM_CONTINUOUS)
    cloud.until(lambda: cloud.statuses() == ["Running"] * 2)
    busy = cloud.ids()[1]
    cloud.place.occupied = {busy}
    cloud.time += DAY
    cloud.until(lambda: held(cloud) == ["cordon"])
    cloud.time += 7200
    cloud.until(lambda: state(cloud) == "Failed")
    assert held(cloud) == ["cordon", "uncordon"]
    assert len(cloud.place.machines) == 2
    cloud.until(lambda: f"Patch: Failed: {busy} did not become idle" in cloud.events())


def test_a_controller_is_idle_when_nobody_works(cloud: Cloud) -> None:
    head = slurm("head", "Controller", 1, **patched("WhenIdle"))
    cloud.create(slurm("workers", "Compute", 1), head, **SLURM_CONTINUOUS)
    cloud.until(lambda: cloud.statuses() == ["Running"] * 2)
    cloud.place.occupied = set(cloud.ids())
    cloud.time += DAY
    cloud.until(lambda: held(cloud) == ["cordon"])
    assert state(cloud) == "InProgress"
    cloud.place.occupied = set()
    cloud.until(lambda: state(cloud) == "Succeeded")


def test_a_patch_that_fails_is_healed(cloud: Cloud) -> None:
    cloud.create(group(count=1, **patched("WhenIdle")))
    cloud.place.outcomes["workers"] = ["1"]
    cloud.time += DAY
    cloud.until(lambda: len(cloud.place.ran) == 3 and cloud.statuses() == ["Running"])
    assert cloud.describe()["ClusterStatus"] == "InService"


def test_slurm_hears_of_a_node_s_threads_before_it_is_made(cloud: Cloud) -> None:
    workers = slurm("workers", "Compute", 1, ThreadsPerCore=1)
    cloud.create(slurm("head", "Controller", 1), workers, **SLURM_CONTINUOUS)
    cloud.until(lambda: cloud.statuses() == ["Running"] * 2)
    # Another number later would be another node to slurmctld, which takes none without a new start.
    said = {slot.threads_per_core for slots in cloud.place.configured for slot in slots if slot.group == "workers"}
    assert said == {1}


def test_hardware_is_that_of_the_launch(cloud: Cloud) -> None:
    asked: dict[str, Any] = {"InstanceType": "ml.p5.48xlarge", "NetworkInterface": {"InterfaceType": "efa-only"}}
    cloud.create(group(count=1, ThreadsPerCore=1, **asked))
    cloud.call("UpdateCluster", ClusterName="c", InstanceGroups=[group(count=2, ThreadsPerCore=2, **asked)])
    cloud.settled("InService")
    assert cloud.describe()["InstanceGroups"][0]["ThreadsPerCore"] == 2
    shown = [cloud.call("DescribeClusterNode", ClusterName="c", NodeId=node)["NodeDetails"] for node in cloud.ids()]
    assert [node["ThreadsPerCore"] for node in shown] == [1, 2]
    assert {node["NetworkInterface"]["InterfaceType"] for node in shown} == {"efa-only"}

"""Deep health checks: who is checked, who waits, and who gets no jobs meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trainyard.local.clusters.stand_in import SLURM_CONTINUOUS, Cloud, group, slurm

CHECKS = ["InstanceStress"]


def start_checks(cloud: Cloud, *ids: str) -> None:
    wanted = {"InstanceGroupName": "workers", "DeepHealthChecks": CHECKS, **({"InstanceIds": list(ids)} if ids else {})}
    cloud.call("StartClusterHealthCheck", ClusterName="c", DeepHealthCheckConfigurations=[wanted])


def test_a_node_gets_jobs_when_it_is_made_and_not_before(cloud: Cloud) -> None:
    cloud.place.outcomes["workers"] = ["hang"]
    cloud.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 1), **SLURM_CONTINUOUS)
    cloud.until(lambda: cloud.statuses() == ["Running", "Pending"])
    assert cloud.place.held == [("release", cloud.ids()[0])]


def test_workers_are_isolated_from_before_their_lifecycle_until_their_checks_have_passed(cloud: Cloud) -> None:
    checked = {"OnStartDeepHealthChecks": CHECKS}
    head, worker = slurm("head", "Controller", 1, **checked), slurm("workers", "Compute", 1, **checked)
    cloud.create(head, worker, **SLURM_CONTINUOUS)
    cloud.until(lambda: cloud.statuses() == ["Running"] * 2)
    # The controller takes no jobs, and is not checked. Which of the two begins is nobody's promise.
    assert [[what for what, node in cloud.place.held if node == one] for one in cloud.ids()] == [
        ["release"], ["isolate", "release"]
    ]  # fmt: skip


def test_a_node_that_fails_its_checks_stays_isolated_and_another_takes_its_place(cloud: Cloud) -> None:
    cloud.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 1), **SLURM_CONTINUOUS)
    cloud.until(lambda: cloud.statuses() == ["Running"] * 2)
    bad = cloud.ids()[1]
    cloud.fault("DeepHealthCheckFailure", bad)
    cloud.place.held.clear()
    start_checks(cloud)
    cloud.until(lambda: bad not in cloud.ids() and cloud.statuses() == ["Running"] * 2)
    assert cloud.place.held == [("isolate", bad), ("release", cloud.ids()[1])]


def test_checks_wait_for_a_job_and_only_one_request_runs(cloud: Cloud) -> None:
    cloud.create(group(), NodeRecovery="Automatic")
    first, second = cloud.ids()
    cloud.place.occupied = {first, second}
    start_checks(cloud)
    again = [{"InstanceGroupName": "workers", "DeepHealthChecks": CHECKS}]
    said = cloud.refused("StartClusterHealthCheck", DeepHealthCheckConfigurations=again)
    assert (said.code, "one request at a time" in said.message) == ("ConflictException", True)
    assert cloud.statuses() == ["DeepHealthCheckInProgress"] * 2
    cloud.place.occupied = set()
    cloud.until(lambda: cloud.statuses() == ["Running"] * 2)
    assert cloud.ids() == [first, second]


def test_a_node_whose_job_goes_on_is_left_out(tmp_path: Path) -> None:
    quick = Cloud(tmp_path, minute_seconds=0.02)
    quick.create(slurm("head", "Controller", 1), slurm("workers", "Compute", 1), **SLURM_CONTINUOUS)
    quick.until(lambda: quick.statuses() == ["Running"] * 2)
    worker = quick.ids()[1]
    quick.place.occupied = {worker}
    start_checks(quick)
    quick.until(lambda: quick.statuses() == ["Running"] * 2)
    assert quick.events(NodeId=worker)[-1] == "Deep health checks skipped: a job has run on the instance for 10 minutes"
    assert quick.place.held[-2:] == [("isolate", worker), ("release", worker)]
    quick.end()


def test_deep_health_checks_fail_as_a_fault_says(cloud: Cloud) -> None:
    cloud.fault("DeepHealthCheckFailure", "workers", Reason="DcgmDiagnostic")
    found = cloud.create(group(OnStartDeepHealthChecks=["InstanceStress"]), wait="Failed")
    assert "failed the deep health check InstanceStress: DcgmDiagnostic" in found["FailureMessage"]


@pytest.mark.slow
def test_checks_on_request_replace_the_node_that_fails_them(cloud: Cloud) -> None:
    cloud.create(group())
    good, bad = cloud.ids()
    cloud.fault("DeepHealthCheckFailure", bad, Reason="NcclFailure")
    checks = {"InstanceGroupName": "workers", "DeepHealthChecks": ["InstanceStress", "InstanceConnectivity"]}
    cloud.call("StartClusterHealthCheck", ClusterName="c", DeepHealthCheckConfigurations=[checks])
    cloud.until(lambda: bad not in cloud.ids() and cloud.statuses() == ["Running"] * 2)
    assert good in cloud.ids()
    wrong = {**checks, "InstanceIds": ["i-00000000"]}
    said = cloud.refused("StartClusterHealthCheck", DeepHealthCheckConfigurations=[wrong]).message
    assert "has no such node that runs" in said

"""Reclaims, lost hosts, full disks, failing S3, and the cloud itself going down: every job comes to an end."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trainyard.local.cloud import CloudError

from .conftest import ISOLATIONS, NEEDS_ROOT, Jobs, processes_with, wait_for
from .test_training import assert_gone

# Counts its starts in the checkpoint folder: the first start waits to be told to stop, the second finishes.
RESUMING = (
    "c=$b/checkpoints/count; n=$(cat $c 2>/dev/null || echo 0); echo $((n+1)) >$c; "
    "trap 'echo saving; exit 1' TERM; echo step $n; [ $n = 0 ] || exit 0; while :; do sleep 0.1; done"
)
STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.1; done"


def statuses(job: dict[str, object]) -> list[str]:
    rows = job["SecondaryStatusTransitions"]
    assert isinstance(rows, list)
    return [row["Status"] for row in rows]


@pytest.mark.slow
def test_a_reclaimed_spot_job_goes_on_from_its_checkpoints(jobs: Jobs) -> None:
    request = jobs.spot(RESUMING, hosts=2)
    name = request["TrainingJobName"]
    jobs.inject(Kind="SpotReclaim", TrainingJobName=name, LogPattern="^step 0$")
    job = jobs.run(request)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    one = ["Starting", "Downloading", "Training"]
    assert statuses(job) == [*one, "Interrupted", *one, "Uploading", "Completed"]
    # The first host that says `step 0` brings the reclaim upon both, wherever the other is.
    said = [jobs.lines(name, host=host) for host in (1, 2)]
    assert ["step 0", "saving", "step 1"] in said
    assert [lines[-1] for lines in said] == ["step 1", "step 1"]
    assert jobs.get(f"{request['CheckpointConfig']['S3Uri']}/count") == b"2\n"
    streams = jobs.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/algo-1"
    )["logStreams"]
    assert 1 <= len(streams) <= 2
    assert_gone(jobs, name)


@pytest.mark.slow
def test_a_reclaim_ends_a_job_that_is_no_spot_job(any_jobs: Jobs) -> None:
    name = any_jobs.start(any_jobs.request(STUBBORN))
    any_jobs.line(name, "ready")
    any_jobs.inject(Kind="SpotReclaim", TrainingJobName=name)
    job = any_jobs.ended(name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("CapacityError: Unable to provision requested ML compute capacity")
    assert "no managed spot training job" in job["FailureReason"]


@pytest.mark.slow
def test_no_capacity_within_the_wait_time(any_jobs: Jobs) -> None:
    request = any_jobs.spot(RESUMING, wait=4)
    any_jobs.inject(Kind="SpotReclaim", TrainingJobName=request["TrainingJobName"], LogPattern="step 0",
                    RestartAfterSeconds=60)  # fmt: skip
    job = any_jobs.run(request)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("CapacityError: ")
    assert "MaxWaitTimeInSeconds was used up" in job["FailureReason"]


@pytest.mark.slow
def test_hosts_are_back_as_soon_as_the_reclaim_is_taken_back(any_jobs: Jobs) -> None:
    request = any_jobs.spot(RESUMING, wait=3600)
    name = request["TrainingJobName"]
    fault = any_jobs.inject(Kind="SpotReclaim", TrainingJobName=name, LogPattern="step 0", RestartAfterSeconds=3000)
    any_jobs.start(request)
    any_jobs.until(name, lambda job: job["SecondaryStatus"] == "Interrupted")
    assert any_jobs.cloud.call("ClearFaults", FaultId=fault) == {"FaultIds": [fault]}
    assert any_jobs.ended(name)["TrainingJobStatus"] == "Completed"
    assert any_jobs.cloud.call("ClearFaults", FaultId=fault) == {"FaultIds": []}


@pytest.mark.slow
def test_a_lost_host_ends_the_job_unless_it_may_retry(any_jobs: Jobs) -> None:
    script = "c=$b/checkpoints/seen; [ -e $c ] && exit 0; echo 1 >$c; echo ready; while :; do sleep 0.1; done"
    checkpoints = {"S3Uri": f"s3://{any_jobs.bucket}/lost"}
    for retries, status in ((None, "Failed"), (1, "Completed")):
        more = {"RetryStrategy": {"MaximumRetryAttempts": retries}} if retries else {}
        place = {"S3Uri": f"{checkpoints['S3Uri']}{status}"}
        request = any_jobs.request(script, hosts=2, CheckpointConfig=place, **more)
        any_jobs.inject(Kind="HostLoss", TrainingJobName=request["TrainingJobName"], Host=2, LogPattern="ready")
        job = any_jobs.run(request)
        assert job["TrainingJobStatus"] == status
        if retries:
            assert "Restarting" in statuses(job)
        else:
            assert job["FailureReason"].startswith("InternalServerError: We encountered an internal error")


@pytest.mark.slow
@NEEDS_ROOT
def test_a_full_disk_is_the_hosts_alone(start_jobs: Callable[[str], Jobs]) -> None:
    jobs = start_jobs("namespaces")
    script = (
        "f=$b/output/data/f; head -c 3000000 /dev/zero >$f || { rm $f; echo 'disk full' >$b/output/failure; exit 9; }"
    )
    request = jobs.request(script)
    jobs.inject(Kind="DiskFull", TrainingJobName=request["TrainingJobName"], SizeInBytes=1_000_000)
    job = jobs.run(request)
    assert job["FailureReason"] == "AlgorithmError: disk full, exit code: 9"
    assert "No space left on device" in "".join(jobs.lines(request["TrainingJobName"]))
    assert jobs.run(jobs.request(script))["TrainingJobStatus"] == "Completed"


@pytest.mark.slow
def test_s3_errors_are_retried_or_fail_the_job_by_name(any_jobs: Jobs) -> None:
    uri = any_jobs.put("flaky/x", "1")
    fault = {"Kind": "S3Error", "Bucket": any_jobs.bucket, "Key": "flaky/*", "Operation": "GetObject",
             "ErrorCode": "SlowDown", "StatusCode": 503}  # fmt: skip
    any_jobs.inject(**fault, Count=2)
    assert any_jobs.run(any_jobs.request("true", channels={"data": uri}))["TrainingJobStatus"] == "Completed"
    any_jobs.inject(**fault | {"ErrorCode": "InvalidObjectState", "StatusCode": 403})
    job = any_jobs.run(any_jobs.request("true", channels={"data": uri}))
    assert "ClientError: Data download failed: InvalidObjectState: GetObject of" in job["FailureReason"]
    assert "/flaky/x" in job["FailureReason"]


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_killed_cloud_leaves_no_process_and_takes_its_jobs_up_again(
    isolation: str, mortal_jobs: Callable[[str], Jobs], tmp_path: Path
) -> None:
    jobs = mortal_jobs(isolation)
    jobs.cloud.up()
    jobs.prepare()
    # A kill may cost the emulator's own services their last seconds, an orderly end does not.
    jobs.cloud.down()
    pid = jobs.cloud.up().pid
    script = "if [ -e $MARK ]; then exit 0; fi; echo ready; touch $MARK; while :; do sleep 0.1; done"
    spot = jobs.start(jobs.spot(script, Environment={"MARK": str(tmp_path / "mark")}))
    plain = jobs.start(jobs.request("(setsid sleep 300) & " + STUBBORN, hosts=2))
    for name in (spot, plain):
        jobs.line(name, "ready")
    os.kill(pid, signal.SIGKILL)
    for name in (spot, plain):
        wait_for(lambda name=name: processes_with(f"TRAINING_JOB_NAME={name}"), lambda found: not found, 10)
    wait_for(lambda: listens(jobs.cloud.port), lambda found: not found, 10)
    jobs.cloud.up()
    job = jobs.ended(spot)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "Interrupted" in statuses(job)
    failed = jobs.ended(plain)
    assert failed["TrainingJobStatus"] == "Failed"
    assert "the embedded cloud went down while the job ran" in failed["FailureReason"]
    assert "EnableManagedSpotTraining" in failed["FailureReason"]
    wait_for(lambda: list((jobs.cloud.state / "jobs").glob("*/*")), lambda found: not found, 5)


@pytest.mark.slow
def test_an_orderly_restart_interrupts_spot_jobs(mortal_jobs: Callable[[str], Jobs]) -> None:
    jobs = mortal_jobs("auto")
    jobs.cloud.up()
    jobs.prepare()
    name = jobs.start(jobs.spot(RESUMING))
    jobs.line(name, "step 0")
    started = time.monotonic()
    jobs.cloud.down()
    assert time.monotonic() - started < 20
    assert not processes_with(f"TRAINING_JOB_NAME={name}")
    jobs.cloud.up()
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed"


@pytest.mark.slow
def test_faults_are_listed_cleared_and_checked(any_jobs: Jobs) -> None:
    fault = any_jobs.inject(Kind="SpotReclaim", TrainingJobName="pipelines-*-Train-*", AfterSeconds=20)
    # Other tests' may be there: the cloud is theirs too.
    listed = {row["FaultId"]: row for row in any_jobs.cloud.call("ListFaults")["Faults"]}
    assert (listed[fault]["TrainingJobName"], listed[fault]["Remaining"]) == ("pipelines-*-Train-*", 1)
    assert any_jobs.cloud.call("ClearFaults", FaultId=fault) == {"FaultIds": [fault]}
    assert fault not in {row["FaultId"] for row in any_jobs.cloud.call("ListFaults")["Faults"]}
    with pytest.raises(CloudError, match="TrainingJobName: got nothing"):
        any_jobs.inject(Kind="SpotReclaim")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""Pipe mode where something goes wrong, and a group of hosts that fails: the job ends, and says why."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Jobs

pytestmark = pytest.mark.slow
SECONDS = 50
"""Far more than these jobs take, and less than their own limit."""


def piped(jobs: Jobs, script: str, **objects: bytes) -> dict[str, Any]:
    """A request whose channel ``all`` is fed with objects through pipes."""
    request = jobs.request(script)
    for name, content in objects.items():
        jobs.put(f"{request['TrainingJobName']}/{name}", content)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{jobs.bucket}/{request['TrainingJobName']}/"}
    request["InputDataConfig"] = [
        {"ChannelName": "all", "InputMode": "Pipe", "DataSource": {"S3DataSource": source}}
    ]  # fmt: skip
    return request


def test_a_program_may_leave_an_epoch_early_or_never_read(any_jobs: Jobs) -> None:
    """A pipe that nobody reads any more, with more in it than the kernel holds, and one that is never opened."""
    jobs = any_jobs
    script = "p=$b/input/data; echo $(head -c 5 $p/all_0) $(head -c 5 $p/all_1); test -p $p/all_2"
    job = jobs.ended(jobs.start(piped(jobs, script, a=b"first" + bytes(3_000_000), b=b"x")), SECONDS)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert jobs.lines(job["TrainingJobName"]) == ["first first"]


def test_objects_that_cannot_be_read_end_the_job_that_waits_for_them(any_jobs: Jobs) -> None:
    """A program that took the end of the pipe for the end of the data would train on half of it."""
    jobs = any_jobs
    request = piped(
        jobs, "trap 'kill $!; exit 1' TERM; cat $b/input/data/all_0 | wc -c; sleep 60 & wait", a=b"1", b=b"2"
    )
    fault = jobs.inject(
        Kind="S3Error", Bucket=jobs.bucket, Key=f"{request['TrainingJobName']}/b", Operation="GetObject",
        StatusCode=403, ErrorCode="AccessDenied", Count=10,
    )  # fmt: skip
    job = jobs.ended(jobs.start(request), SECONDS)
    jobs.cloud.call("ClearFaults", FaultId=fault)
    assert job["TrainingJobStatus"] == "Failed"
    for words in ("all: AccessDenied", "s3:GetObject", f"{request['TrainingJobName']}/b"):
        assert words in job["FailureReason"]


def test_a_group_that_fails_ends_the_job_with_its_own_reason(any_jobs: Jobs) -> None:
    jobs = any_jobs
    script = (
        "if grep -q 'current_group_name\": \"b' $b/input/config/resourceconfig.json; then "
        'printf "group b: no room" >$b/output/failure; exit 9; fi; '
        "trap 'echo told; kill $!; exit 0' TERM; echo waiting; sleep 60 & wait"
    )
    request = jobs.request(script)
    request["ResourceConfig"] = {
        "InstanceGroups": [
            {"InstanceGroupName": name, "InstanceType": "ml.m5.large", "InstanceCount": count}
            for name, count in (("a", 2), ("b", 1))
        ],
        "VolumeSizeInGB": 1,
    }
    job = jobs.ended(jobs.start(request), SECONDS)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: group b: no room, exit code: 9"


def test_a_lost_host_of_a_group_ends_the_job(any_jobs: Jobs) -> None:
    jobs = any_jobs
    request = jobs.request("trap 'kill $!; exit 1' TERM; echo waiting; sleep 60 & wait")
    request["ResourceConfig"] = {
        "InstanceGroups": [
            {"InstanceGroupName": name, "InstanceType": "ml.m5.large", "InstanceCount": 1} for name in "ab"
        ],
        "VolumeSizeInGB": 1,
    }
    jobs.inject(Kind="HostLoss", TrainingJobName=request["TrainingJobName"], Host=2, LogPattern="waiting")
    job = jobs.ended(jobs.start(request), SECONDS)
    assert job["TrainingJobStatus"] == "Failed"
    assert "A host was lost" in job["FailureReason"]

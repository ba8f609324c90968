"""Jobs that ask for instances that are not there."""

from __future__ import annotations

import pytest

from trainyard.local.capacity import JOB_REASON, WAITING

from .conftest import Jobs, wait_for
from .test_processing import ended as processing_ended
from .test_processing import request as processing

pytestmark = pytest.mark.slow
SCARCE = {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}


def test_a_job_waits_in_starting_until_there_are_instances(any_jobs: Jobs) -> None:
    jobs = any_jobs
    fault = jobs.inject(Kind="CapacityShortage", InstanceType="ml.g5.xlarge", DelaySeconds=60)
    name = jobs.start(jobs.request("echo here", ResourceConfig=SCARCE))
    waiting = jobs.until(name, lambda job: job["SecondaryStatusTransitions"][-1]["StatusMessage"] == WAITING)
    assert waiting["SecondaryStatus"] == "Starting"
    assert "TrainingStartTime" not in waiting
    jobs.cloud.call("ClearFaults", FaultId=fault)
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed"


def test_a_job_that_gets_none_fails_unbilled_and_the_next_one_runs(any_jobs: Jobs) -> None:
    jobs = any_jobs
    jobs.inject(Kind="CapacityShortage", InstanceType="ml.g5.xlarge")
    failed = jobs.run(jobs.request("echo here", ResourceConfig=SCARCE))
    assert (failed["TrainingJobStatus"], failed["FailureReason"]) == ("Failed", JOB_REASON)
    assert "BillableTimeInSeconds" not in failed
    assert jobs.run(jobs.request("echo here", ResourceConfig=SCARCE))["TrainingJobStatus"] == "Completed"


def test_a_job_that_waits_can_be_stopped(any_jobs: Jobs) -> None:
    jobs = any_jobs
    fault = jobs.inject(Kind="CapacityShortage", InstanceType="ml.g5.xlarge", DelaySeconds=60)
    name = jobs.start(jobs.request("echo here", ResourceConfig=SCARCE))
    jobs.client("sagemaker").stop_training_job(TrainingJobName=name)
    assert jobs.ended(name)["TrainingJobStatus"] == "Stopped"
    jobs.cloud.call("ClearFaults", FaultId=fault)


def test_processing_waits_too(any_jobs: Jobs) -> None:
    jobs = any_jobs
    jobs.inject(Kind="CapacityShortage", InstanceType="ml.g5.2xlarge")
    request = processing(jobs, "true")
    request["ProcessingResources"]["ClusterConfig"]["InstanceType"] = "ml.g5.2xlarge"
    jobs.client("sagemaker").create_processing_job(**request)
    failed = processing_ended(jobs, request["ProcessingJobName"])
    assert (failed["ProcessingJobStatus"], failed["FailureReason"]) == ("Failed", JOB_REASON)
    assert wait_for(lambda: jobs.cloud.call("ListFaults")["Faults"], lambda faults: not faults, 5) == []

"""Processing jobs as they run: inputs, outputs, messages, ends."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from .conftest import IMAGE, Jobs, wait_for

GROUP = "/aws/sagemaker/ProcessingJobs"


def request(jobs: Jobs, script: str, *, hosts: int = 1, inputs: dict[str, str] | None = None) -> dict[str, Any]:
    name = f"processing-{uuid.uuid4().hex[:8]}"
    return {
        "ProcessingJobName": name,
        "RoleArn": jobs.role,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["bash", "-c", f"set -eu; b=${{SAGEMAKER_BASE_DIR:-/opt/ml}}; {script}"],
        },
        "ProcessingInputs": [
            {
                "InputName": key,
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": f"/opt/ml/processing/input/{key}",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
            for key, uri in (inputs or {}).items()
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": f"s3://{jobs.bucket}/{name}/out",
                        "LocalPath": "/opt/ml/processing/output/out",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": hosts, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        "Environment": {"MINE": "yes"},
    }


def ended(jobs: Jobs, name: str) -> dict[str, Any]:
    return wait_for(
        lambda: jobs.client("sagemaker").describe_processing_job(ProcessingJobName=name),
        lambda job: job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped"),
        40,
    )


def run(jobs: Jobs, asked: dict[str, Any]) -> dict[str, Any]:
    jobs.client("sagemaker").create_processing_job(**asked)
    return ended(jobs, asked["ProcessingJobName"])


@pytest.mark.slow
def test_inputs_become_outputs_on_every_host(jobs: Jobs) -> None:
    whole = jobs.put("in/archive.tar.gz", b"not unpacked")
    # Every host has its own resourceconfig.json, so its checksum names the host.
    script = (
        "o=$b/processing/output/out; mkdir $o/deep; cp $b/processing/input/archive/*.gz $o/copy; "
        "echo $MINE >$o/deep/$(cksum <$b/config/resourceconfig.json | cut -c1-5); "
        "echo good >$b/output/message; echo a line"
    )
    asked = request(jobs, script, hosts=2, inputs={"archive": whole})
    job = run(jobs, asked)
    name = asked["ProcessingJobName"]
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "good"
    assert job["CreationTime"] <= job["ProcessingStartTime"] < job["ProcessingEndTime"]
    keys = jobs.keys(f"{name}/out")
    assert keys[0] == f"{name}/out/copy"
    assert [jobs.get(f"s3://{jobs.bucket}/{key}") for key in keys[1:]] == [b"yes\n"] * 2
    assert jobs.get(f"s3://{jobs.bucket}/{name}/out/copy") == b"not unpacked"
    assert jobs.lines(name, GROUP) == jobs.lines(name, GROUP, host=2) == ["a line"]
    listed = jobs.client("sagemaker").list_processing_jobs(NameContains=name)["ProcessingJobSummaries"]
    assert [row["ProcessingJobStatus"] for row in listed] == ["Completed"]


@pytest.mark.slow
def test_a_failure_carries_message_and_exit_code(any_jobs: Jobs) -> None:
    job = run(any_jobs, request(any_jobs, "echo 'column x is missing' >$b/output/message; exit 4"))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: column x is missing, exit code: 4"
    assert job["ExitMessage"] == "column x is missing"


@pytest.mark.slow
def test_a_missing_input_is_named(any_jobs: Jobs) -> None:
    job = run(any_jobs, request(any_jobs, "true", inputs={"x": f"s3://{any_jobs.bucket}/no/such"}))
    assert "No S3 objects found under S3 URL" in job["FailureReason"]
    assert "/no/such" in job["FailureReason"]


@pytest.mark.slow
def test_stop_and_time_limit(any_jobs: Jobs) -> None:
    waiting = request(any_jobs, "echo ready; while :; do sleep 0.1; done")
    any_jobs.client("sagemaker").create_processing_job(**waiting)
    any_jobs.line(waiting["ProcessingJobName"], "ready", group=GROUP)
    any_jobs.client("sagemaker").stop_processing_job(ProcessingJobName=waiting["ProcessingJobName"])
    assert ended(any_jobs, waiting["ProcessingJobName"])["ProcessingJobStatus"] == "Stopped"
    limited = request(any_jobs, "while :; do sleep 0.1; done") | {"StoppingCondition": {"MaxRuntimeInSeconds": 1}}
    job = run(any_jobs, limited)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds (1)" in job["FailureReason"]


@pytest.mark.slow
def test_the_configuration_file_is_the_request(any_jobs: Jobs) -> None:
    script = "cp $b/config/processingjobconfig.json $b/processing/output/out/config.json"
    asked = request(any_jobs, script)
    job = run(any_jobs, asked)
    found = json.loads(any_jobs.get(f"s3://{any_jobs.bucket}/{asked['ProcessingJobName']}/out/config.json"))
    assert found["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert found["ProcessingOutputConfig"] == asked["ProcessingOutputConfig"]

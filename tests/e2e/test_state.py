"""What the cloud keeps when it is stopped and started again."""

from __future__ import annotations

import json
from typing import Any

from .deployment import STORAGE, Deployment, eventually


def seen(deployment: Deployment) -> dict[str, Any]:
    """What a client finds: by kind, names."""
    sagemaker, s3 = deployment.client("sagemaker"), deployment.client("s3")
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=deployment.pipeline)
    bucket = deployment.output(STORAGE, "ArtifactBucketName")
    packages = sagemaker.list_model_packages(ModelPackageGroupName=deployment.pipeline)["ModelPackageSummaryList"]
    stacks = deployment.client("cloudformation").describe_stacks()["Stacks"]
    return {
        "executions": [entry["PipelineExecutionArn"] for page in pages for entry in page["PipelineExecutionSummaries"]],
        "objects": {entry["Key"]: entry["ETag"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])},
        "packages": [entry["ModelPackageArn"] for entry in packages],
        "stacks": {entry["StackName"]: entry["StackStatus"] for entry in stacks},
        "definition": deployment.definition(),
    }


def test_everything_is_there_after_down_and_up_and_a_running_execution_goes_on(
    deployment: Deployment, reclaimed: Any, endpoint: str
) -> None:
    done = reclaimed.stdout.split()[0]
    arn = deployment.start(TrainingSteps="5000")

    def training() -> str | None:
        found = deployment.steps(arn).get("Train", {}).get("Metadata", {}).get("TrainingJob", {}).get("Arn", "")
        name = found.rpartition("/")[2]
        sagemaker = deployment.client("sagemaker")
        return name if name and is_training(sagemaker.describe_training_job(TrainingJobName=name)) else None

    job = eventually(training)
    before = seen(deployment)
    assert arn in before["executions"]
    assert before["packages"]
    assert before["objects"]
    log = deployment.run("executions", done).stdout

    stopped = deployment.run("local", "down")
    assert (stopped.returncode, stopped.stdout) == (0, "stopped; the state stays\n"), stopped.stderr
    assert "not running on port" in deployment.run("executions").stderr
    started = deployment.run("local", "up")
    assert started.returncode == 0, started.stderr

    assert seen(deployment) == before
    assert deployment.run("executions", done).stdout == log
    sagemaker = deployment.client("sagemaker")

    def trains_again() -> bool:
        found = sagemaker.describe_training_job(TrainingJobName=job)
        assert found["TrainingJobStatus"] == "InProgress", found.get("FailureReason")
        return is_training(found)

    eventually(trains_again)
    # Until the launcher runs, the container's first process is a shell, which a signal does not end.
    written = steps_written(deployment, job)
    eventually(lambda: steps_written(deployment, job) > written)
    transitions = sagemaker.describe_training_job(TrainingJobName=job)["SecondaryStatusTransitions"]
    assert "Interrupted" in [entry["Status"] for entry in transitions]
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert deployment.ended(arn)["PipelineExecutionStatus"] == "Stopped"
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
    )
    answered = deployment.run("invoke", endpoint, "--prompt", "def ", "--count", "1")
    assert answered.returncode == 0, answered.stderr
    assert not [name for name, step in deployment.steps(arn).items() if step["StepStatus"] in ("Executing", "Starting")]


def test_a_new_execution_runs_after_a_restart(deployment: Deployment) -> None:
    arn = deployment.start(TrainingSteps="1")
    assert deployment.ended(arn)["PipelineExecutionStatus"] == "Failed"
    assert "warmup_steps" in json.dumps(deployment.steps(arn), default=str)


def steps_written(deployment: Deployment, job: str) -> int:
    return deployment.run("logs", job).stdout.count("[metrics] step=")


def is_training(job: dict[str, Any]) -> bool:
    return bool(job["SecondaryStatus"] == "Training")

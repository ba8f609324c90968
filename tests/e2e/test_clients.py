"""Clients that nobody here wrote, on what the CDK CLI deployed: boto3, the AWS CLI, the SageMaker SDK."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from environments import LOCAL
from ml_contract.archive import unpack
from ml_contract.manifest import ArtifactManifest

from .deployment import RECLAIMED_STEPS, SERVING, STORAGE, TRAINING, Deployment

Aws = Callable[..., Any]


@pytest.fixture
def environment(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What `trainyard local env` prints, and nothing else of AWS: that is all a client needs."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    printed = deployment.run("local", "env").stdout
    found = dict(shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in printed.splitlines())
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def aws(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """Runs the AWS CLI: `aws("s3", "ls")` gives its JSON, or its text."""
    program = shutil.which("aws")
    if program is None:
        pytest.skip("the AWS CLI is not installed")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_PAGER", "")

    def run(*arguments: str, text: bool = False) -> Any:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"aws {shlex.join(arguments)}: {done.stderr}"
        return done.stdout if text else json.loads(done.stdout)

    return run


def test_the_aws_cli_runs_the_exact_start_command(deployment: Deployment, aws: Aws) -> None:
    (stack,) = aws("cloudformation", "describe-stacks", "--stack-name", TRAINING)["Stacks"]
    command = next(entry["OutputValue"] for entry in stack["Outputs"] if entry["OutputKey"] == "StartCommand")
    program, *arguments = shlex.split(command)
    assert program == "aws"
    arn = aws(*arguments)["PipelineExecutionArn"]
    listed = aws("sagemaker", "list-pipeline-executions", "--pipeline-name", deployment.pipeline)
    assert arn in [entry["PipelineExecutionArn"] for entry in listed["PipelineExecutionSummaries"]]
    aws("sagemaker", "stop-pipeline-execution", "--pipeline-execution-arn", arn)
    assert deployment.ended(arn)["PipelineExecutionStatus"] == "Stopped"
    steps = aws("sagemaker", "list-pipeline-execution-steps", "--pipeline-execution-arn", arn)["PipelineExecutionSteps"]
    assert {step["StepStatus"] for step in steps} <= {"Stopped", "Succeeded"}


def test_the_aws_cli_reads_and_writes_the_deployed_buckets(deployment: Deployment, aws: Aws, tmp_path: Path) -> None:
    bucket = deployment.output(STORAGE, "DataBucketName")
    content = os.urandom(9 * 2**20)  # larger than the CLI's threshold for an upload in parts
    (tmp_path / "there").write_bytes(content)
    aws("s3", "cp", str(tmp_path / "there"), f"s3://{bucket}/from/the/cli", "--only-show-errors", text=True)
    assert f"{len(content)} cli" in aws("s3", "ls", f"s3://{bucket}/from/the/", text=True)
    aws("s3", "cp", f"s3://{bucket}/from/the/cli", str(tmp_path / "back"), "--only-show-errors", text=True)
    assert (tmp_path / "back").read_bytes() == content
    aws("s3", "rm", f"s3://{bucket}/from/the/cli", text=True)
    assert bucket in aws("s3", "ls", text=True)


def test_the_aws_cli_lists_what_was_deployed(deployment: Deployment, aws: Aws) -> None:
    stacks = {entry["StackName"]: entry for entry in aws("cloudformation", "describe-stacks")["Stacks"]}
    parts = ("network", "storage", "training-bytes-lm", "serving-bytes-lm")
    assert {f"trainyard-local-{part}" for part in parts} <= set(stacks)
    pipelines = aws("sagemaker", "list-pipelines")["PipelineSummaries"]
    expected = {f"trainyard-local-{training.workload}" for training in LOCAL.trainings}
    assert {entry["PipelineName"] for entry in pipelines} == expected
    groups = aws("sagemaker", "list-model-package-groups")["ModelPackageGroupSummaryList"]
    assert deployment.pipeline in [entry["ModelPackageGroupName"] for entry in groups]
    described = aws("sagemaker", "describe-pipeline", "--pipeline-name", deployment.pipeline)
    assert json.loads(described["PipelineDefinition"]) == deployment.definition()


def test_the_aws_cli_follows_the_log_of_a_step(deployment: Deployment, aws: Aws, reclaimed: Any) -> None:
    arn = reclaimed.stdout.split()[0]
    job = deployment.steps(arn)["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    assert job in [entry["TrainingJobName"] for entry in aws("sagemaker", "list-training-jobs")["TrainingJobSummaries"]]
    found = aws(
        "logs", "filter-log-events", "--log-group-name", "/aws/sagemaker/TrainingJobs",
        "--log-stream-name-prefix", f"{job}/algo-1", "--filter-pattern", '"train:loss"',
    )["events"]  # fmt: skip
    assert len(found) >= RECLAIMED_STEPS
    assert all("train:loss=" in event["message"] for event in found)


def test_boto3_reads_the_artifact_of_a_run(deployment: Deployment, environment: dict[str, str], reclaimed: Any) -> None:
    job = deployment.steps(reclaimed.stdout.split()[0])["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    session = boto3.session.Session()
    found = session.client("sagemaker").describe_training_job(TrainingJobName=job)
    bucket, _, key = found["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    assert bucket == deployment.output(STORAGE, "ArtifactBucketName")
    archive = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert {"manifest.json", "model.onnx", "model.safetensors"} <= set(tar.getnames())
    finals = {entry["MetricName"]: entry["Value"] for entry in found["FinalMetricDataList"]}
    assert 0 < finals["train:loss"] < 6
    assert finals["checkpoint:committed_step"] == RECLAIMED_STEPS


def test_boto3_finds_the_checkpoints_where_the_template_says(deployment: Deployment, reclaimed: Any) -> None:
    execution = reclaimed.stdout.split()[0].rpartition("/")[2]
    bucket = deployment.output(STORAGE, "CheckpointBucketName")
    listed = deployment.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"bytes-lm/{execution}/")["Contents"]
    assert any(entry["Key"].endswith("COMMIT") or "COMMIT" in entry["Key"] for entry in listed)
    head = deployment.client("s3").head_object(Bucket=bucket, Key=listed[0]["Key"])
    assert head["ServerSideEncryption"] == "aws:kms"
    assert head["SSEKMSKeyId"] == deployment.output(STORAGE, "KeyArn")


def test_boto3_invokes_the_deployed_endpoint(
    deployment: Deployment, environment: dict[str, str], endpoint: str
) -> None:
    runtime = boto3.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))
    request = {"inputs": [{"name": "tokens", "datatype": "INT64", "shape": [1, 3], "data": [100, 101, 102]}]}
    answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=json.dumps(request), ContentType="application/json")
    (output,) = json.loads(answer["Body"].read())["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("logits", "FP32", [1, 3, 256])
    assert len(output["data"]) == 3 * 256
    assert endpoint == deployment.output(SERVING, "EndpointName")


@pytest.fixture
def sdk(environment: dict[str, str]) -> Any:
    return pytest.importorskip("sagemaker.core.resources", reason="the SageMaker SDK is not installed")


def test_the_sdk_runs_the_deployed_training_step(
    deployment: Deployment, sdk: Any, dataset: str, caplog: pytest.LogCaptureFixture
) -> None:
    from sagemaker.core.utils.code_injection.codec import transform

    arguments = deployment.arguments("Train", execution=f"sdk{uuid.uuid4().hex[:8]}", dataset=dataset)
    arguments["HyperParameters"]["steps"] = "6"
    name = f"sdk-{uuid.uuid4().hex[:8]}"
    fields = transform({"TrainingJobName": name, **arguments}, "CreateTrainingJobRequest")
    job = sdk.TrainingJob.create(**fields)
    with caplog.at_level("INFO"):
        job.wait(poll=1, timeout=120, logs=True)
    assert job.training_job_status == "Completed"
    assert job.secondary_status_transitions[-1].status == "Completed"
    assert job.model_artifacts.s3_model_artifacts.endswith(f"/{name}/output/model.tar.gz")
    assert {metric.metric_name for metric in job.final_metric_data_list} >= {"train:loss", "train:tokens_per_second"}
    assert job.hyper_parameters["steps"] == "6"
    assert [found.training_job_name for found in sdk.TrainingJob.get_all(name_contains=name)] == [name]


def test_the_sdk_says_why_a_training_job_failed(deployment: Deployment, sdk: Any, dataset: str) -> None:
    from sagemaker.core.utils.code_injection.codec import transform
    from sagemaker.core.utils.exceptions import FailedStatusError

    arguments = deployment.arguments("Train", execution="sdkfails", dataset=dataset, TrainingSteps="0")
    fields = transform({"TrainingJobName": f"sdk-{uuid.uuid4().hex[:8]}", **arguments}, "CreateTrainingJobRequest")
    job = sdk.TrainingJob.create(**fields)
    with pytest.raises(FailedStatusError, match="steps: got 0"):
        job.wait(poll=1, timeout=60)


def test_the_sdk_starts_the_deployed_pipeline_and_waits_for_its_end(deployment: Deployment, sdk: Any) -> None:
    from sagemaker.core.shapes import Parameter
    from sagemaker.core.utils.exceptions import FailedStatusError

    pipeline = sdk.Pipeline.get(pipeline_name=deployment.pipeline)
    assert pipeline.pipeline_status == "Active"
    execution = sdk.PipelineExecution(pipeline_execution_arn=deployment.start(TrainingSteps="1"))
    execution.refresh()
    assert execution.pipeline_execution_status == "Executing"
    with pytest.raises(FailedStatusError, match="warmup_steps"):
        execution.wait_for_status("Succeeded", poll=1, timeout=90)
    steps = {step.step_name: step.step_status for step in execution.get_all_steps()}
    assert steps == {"Prepare": "Succeeded", "Train": "Failed"}
    given = [Parameter(name=entry.name, value=entry.value) for entry in execution.get_all_parameters()]
    assert given == [Parameter(name="TrainingSteps", value="1")]


def test_the_sdk_invokes_the_deployed_endpoint(deployment: Deployment, sdk: Any, endpoint: str) -> None:
    found = sdk.Endpoint.get(endpoint_name=endpoint)
    assert found.endpoint_status == "InService"
    request = {"inputs": [{"name": "tokens", "datatype": "INT64", "shape": [2, 2], "data": [1, 2, 3, 4]}]}
    answer = found.invoke(body=json.dumps(request).encode(), content_type="application/json")
    assert json.loads(answer.body.read())["outputs"][0]["shape"] == [2, 2, 256]


def test_the_package_holds_the_manifest_of_the_model_that_was_trained(
    deployment: Deployment, sdk: Any, reclaimed: Any, tmp_path: Path
) -> None:
    (summary,) = deployment.client("sagemaker").list_model_packages(ModelPackageGroupName=deployment.pipeline)[
        "ModelPackageSummaryList"
    ]
    package = sdk.ModelPackage.get(model_package_name=summary["ModelPackageArn"])
    assert package.customer_metadata_properties["execution"] == reclaimed.stdout.split()[0].rpartition("/")[2]
    url = package.inference_specification.containers[0].model_data_url
    bucket, _, key = url.removeprefix("s3://").partition("/")
    deployment.client("s3").download_file(bucket, key, str(tmp_path / "model.tar.gz"))
    unpack(tmp_path / "model.tar.gz", tmp_path / "repository")
    (manifest,) = (tmp_path / "repository").rglob("manifest.json")
    assert ArtifactManifest.read(manifest.parent).workload == "bytes_lm"

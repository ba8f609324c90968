"""The data scientist's example as it is, with the rights that the platform's policy gives and no others."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import adhoc_example
import boto3
import pytest
from botocore.exceptions import ClientError

from ml_contract.published import Published
from trainyard.local.cloud import ACCOUNT, ROOT

from .deployment import Deployment

STACK = "trainyard-local-adhoc"
STEPS = 4


@pytest.fixture(scope="module")
def person(deployment: Deployment) -> Iterator[dict[str, str]]:
    """Environment variables of somebody who has the platform's policy and nothing else."""
    iam = deployment.client("iam")
    name = f"person-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]
    policy = deployment.output(STACK, "UserPolicyArn")
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    session = deployment.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="person")["Credentials"]
    yield {
        **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
        **deployment.cloud.environment(),
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }
    iam.detach_role_policy(RoleName=name, PolicyArn=policy)
    iam.delete_role(RoleName=name)


@pytest.fixture(scope="module")
def theirs(person: dict[str, str]) -> Any:
    """SageMaker with that person's rights."""
    session = boto3.session.Session(
        person["AWS_ACCESS_KEY_ID"], person["AWS_SECRET_ACCESS_KEY"], person["AWS_SESSION_TOKEN"], person["AWS_REGION"]
    )
    return session.client("sagemaker", endpoint_url=person["AWS_ENDPOINT_URL"])


def example(person: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(adhoc_example.PATH), *arguments],
        cwd=ROOT, env=person, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


@dataclass
class Finished:
    """The example after it ended, and what the service says of its job."""

    lines: list[str]
    job: dict[str, Any]


@pytest.fixture(scope="module")
def finished(deployment: Deployment, dataset: str, person: dict[str, str], published: Published) -> Finished:
    pytest.importorskip("sagemaker.core.resources", reason="the SageMaker SDK is not installed")
    bucket, _, key = published.shared_uri.removeprefix("s3://").partition("/")
    deployment.client("s3").put_object(Bucket=bucket, Key=f"{key}/base/weights", Body=b"weights")
    ended = example(person, "local", "--steps", str(STEPS), "--poll", "0.5", "--shared", "pretrained=base")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    return Finished(lines, deployment.job("Training", lines[0].partition(":")[0]))


@pytest.fixture(scope="module")
def published(deployment: Deployment) -> Published:
    pages = deployment.client("ssm").get_paginator("get_parameters_by_path").paginate(
        Path="/trainyard/local", Recursive=True
    )  # fmt: skip
    return Published.read("local", {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]})


def test_a_person_with_the_policy_trains_and_sees_the_loss(finished: Finished) -> None:
    assert finished.job["TrainingJobStatus"] == "Completed"
    *_, last, closing, _ = finished.lines
    assert re.fullmatch(rf"step {STEPS}: loss \d\.\d{{4}}", last)
    first, final = map(float, re.fullmatch(rf"Completed: loss (\S+) -> (\S+) in {STEPS} steps", closing).groups())
    assert final < first


def test_the_artifact_is_where_the_example_says(
    deployment: Deployment, finished: Finished, published: Published
) -> None:
    uri = finished.lines[-1]
    assert uri == f"{published.artifacts_uri}/{finished.job['TrainingJobName']}/output/model.tar.gz"
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    archive = deployment.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert {"manifest.json", "model.safetensors"} <= set(tar.getnames())


def test_the_job_runs_where_the_platform_says(finished: Finished, published: Published, dataset: str) -> None:
    job = finished.job
    assert job["RoleArn"] == published.role_arn
    assert set(job["VpcConfig"]["Subnets"]) == set(published.subnet_ids)
    assert job["VpcConfig"]["SecurityGroupIds"] == list(published.security_group_ids)
    assert job["ResourceConfig"]["VolumeKmsKeyId"] == job["OutputDataConfig"]["KmsKeyId"] == published.key_arn
    channels = {each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in job["InputDataConfig"]}
    assert channels["train"].startswith(published.datasets_uri)
    assert channels["pretrained"] == f"{published.shared_uri}/base"
    assert job["HyperParameters"]["checkpoint_uri"].startswith(published.checkpoints_uri)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("VpcConfig", None),
        ("TrainingJobName", "mine"),
        ("RoleArn", "arn:aws:iam::123456789012:role/another"),
        ("ResourceConfig", {"InstanceType": "ml.p5.48xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}),
        ("OutputDataConfig", {"S3OutputPath": "s3://elsewhere/x"}),
    ],
)
def test_the_same_job_anywhere_else_is_denied(finished: Finished, theirs: Any, field: str, value: object) -> None:
    request = {
        name: finished.job[name]
        for name in ("AlgorithmSpecification", "RoleArn", "OutputDataConfig", "ResourceConfig", "StoppingCondition",
                     "VpcConfig")
    } | {"TrainingJobName": f"adhoc-local-{uuid.uuid4().hex[:8]}", field: value}  # fmt: skip
    with pytest.raises(ClientError, match=r"AccessDenied.* is not authorized to perform: (sagemaker|iam):"):
        theirs.create_training_job(**{name: given for name, given in request.items() if given is not None})


def test_a_wrong_environment_is_one_clear_line(deployment: Deployment) -> None:
    ended = example({**os.environ, **deployment.cloud.environment()}, "nowhere")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("train.py: environment: got 'nowhere', but no parameter is published below /trainyard/now")


@pytest.fixture
def module(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example as a module, on the deployed cloud."""
    for name, value in deployment.cloud.environment().items():
        monkeypatch.setenv(name, value)
    return adhoc_example.load()


def test_data_of_ones_own_is_copied_as_it_is(
    deployment: Deployment, module: ModuleType, published: Published, tmp_path: Path
) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "shard").write_bytes(b"content")
    uri = module.upload(tmp_path, f"{published.data_uri}/mine")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    kept = deployment.client("s3").get_object(Bucket=bucket, Key=f"{key}/part/shard")
    assert kept["Body"].read() == b"content"


def test_without_a_data_set_the_example_says_what_to_do(module: ModuleType, published: Published) -> None:
    with pytest.raises(ValueError, match=r"--data: got None, but no execution .* Start the pipeline once, or name"):
        module.newest_dataset(published, "of_nobody")

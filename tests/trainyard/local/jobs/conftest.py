"""Clouds that run jobs on this machine's own interpreter, and a short way to write a job."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from ports import free_port

from trainyard.local.cloud import ACCOUNT, Cloud

IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/tests-python:1"
GRACE_SECONDS = 2
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
ISOLATIONS = (pytest.param("namespaces", marks=NEEDS_ROOT), "processes")
_ENDED = ("Completed", "Failed", "Stopped")
_FULL = {"Effect": "Allow", "Action": ["s3:*", "logs:*", "cloudwatch:PutMetricData", "kms:*"], "Resource": "*"}


@dataclass
class Jobs:
    """A client of a cloud that runs jobs."""

    cloud: Cloud
    isolation: str
    bucket: str = ""
    role: str = ""
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            environment = self.cloud.environment()
            self.clients[service] = boto3.session.Session().client(
                service,
                endpoint_url=environment["AWS_ENDPOINT_URL"],
                region_name=environment["AWS_REGION"],
                aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            )
        return self.clients[service]

    def prepare(self) -> None:
        self.bucket = f"jobs-{uuid.uuid4().hex[:10]}"
        self.client("s3").create_bucket(Bucket=self.bucket)
        self.role = self.new_role(_FULL)

    def new_role(self, *statements: dict[str, Any]) -> str:
        name = f"job-{uuid.uuid4().hex[:8]}"
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        made = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
        self.client("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=_policy(*statements))
        return str(made["Role"]["Arn"])

    def put(self, key: str, body: bytes | str) -> str:
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def get(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return bytes(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        listed = self.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [row["Key"] for row in listed.get("Contents", [])]

    def request(
        self, script: str, *, hosts: int = 1, channels: dict[str, str] | None = None, **more: Any
    ) -> dict[str, Any]:
        """A training job that runs a shell script on each host; `more` replaces top-level fields."""
        name = f"job-{uuid.uuid4().hex[:8]}"
        sources = {
            channel: {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}
            for channel, uri in (channels or {}).items()
        }
        return {
            "TrainingJobName": name,
            "RoleArn": self.role,
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["bash", "-c", f"set -eu; b=${{SAGEMAKER_BASE_DIR:-/opt/ml}}; {script}"],
            },
            **(
                {"InputDataConfig": [{"ChannelName": key, "DataSource": value} for key, value in sources.items()]}
                if sources
                else {}
            ),
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/{name}-out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            **more,
        }

    def spot(self, script: str, *, hosts: int = 1, wait: int = 60, **more: Any) -> dict[str, Any]:
        """The same as managed spot training with a checkpoint location."""
        return self.request(
            script,
            hosts=hosts,
            EnableManagedSpotTraining=True,
            StoppingCondition={"MaxRuntimeInSeconds": min(60, wait), "MaxWaitTimeInSeconds": wait},
            CheckpointConfig={"S3Uri": f"s3://{self.bucket}/checkpoints-{uuid.uuid4().hex[:6]}"},
            **more,
        )

    def start(self, request: dict[str, Any]) -> str:
        self.client("sagemaker").create_training_job(**request)
        return str(request["TrainingJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        return dict(self.client("sagemaker").describe_training_job(TrainingJobName=name))

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.ended(self.start(request))

    def ended(self, name: str, seconds: float = 40) -> dict[str, Any]:
        return self.until(name, lambda job: job["TrainingJobStatus"] in _ENDED, seconds)

    def until(self, name: str, condition: Callable[[dict[str, Any]], bool], seconds: float = 40) -> dict[str, Any]:
        return wait_for(lambda: self.describe(name), condition, seconds)

    def lines(self, name: str, group: str = "/aws/sagemaker/TrainingJobs", host: int = 1) -> list[str]:
        """All lines of a host, in all its attempts, in order."""
        logs = self.client("logs")
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/algo-{host}-")[
            "logStreams"
        ]
        found = []
        for stream in sorted(row["logStreamName"] for row in streams):
            events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
            found += [event["message"] for event in events]
        return found

    def line(self, name: str, text: str, **where: Any) -> None:
        """Waits until a line has reached the log."""
        wait_for(lambda: self._lines_or_none(name, **where), lambda lines: any(text in line for line in lines), 30)

    def inject(self, **fault: Any) -> str:
        return str(self.cloud.call("InjectFault", **fault)["FaultId"])

    def _lines_or_none(self, name: str, **where: Any) -> list[str]:
        try:
            return self.lines(name, **where)
        except self.client("logs").exceptions.ResourceNotFoundException:
            return []


def wait_for(look: Callable[[], Any], condition: Callable[[Any], bool], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if condition(found):
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {found}"
        time.sleep(0.05)


def processes_with(text: str) -> list[int]:
    """Processes of this machine whose environment holds a text."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in environment:
                found.append(int(entry.name))
    return found


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of environments with one that starts in no time: this test's own interpreter."""
    folder = tmp_path_factory.mktemp("environments")
    program = folder / "tests-python" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def start_jobs(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Jobs]]:
    """Starts a cloud that runs jobs; a second call with the same isolation gives the same one."""
    started: dict[str, Jobs] = {}

    def start(isolation: str) -> Jobs:
        if isolation not in started:
            started[isolation] = new_jobs(isolation, environments, tmp_path_factory)
            started[isolation].cloud.up()
            started[isolation].prepare()
        return started[isolation]

    yield start
    for jobs in started.values():
        jobs.cloud.down()


@pytest.fixture(params=ISOLATIONS)
def jobs(request: pytest.FixtureRequest, start_jobs: Callable[[str], Jobs]) -> Jobs:
    """A cloud, once for each way to keep hosts apart."""
    return start_jobs(request.param)


@pytest.fixture
def any_jobs(start_jobs: Callable[[str], Jobs]) -> Jobs:
    """A cloud with the better way to keep hosts apart that this user has."""
    return start_jobs("namespaces" if os.geteuid() == 0 else "processes")


@pytest.fixture
def mortal_jobs(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Jobs]]:
    """Makes clouds that a test may kill; none is up yet."""
    made: list[Jobs] = []

    def make(isolation: str) -> Jobs:
        made.append(new_jobs(isolation, environments, tmp_path_factory))
        return made[-1]

    yield make
    for jobs in made:
        jobs.cloud.down()


def new_jobs(isolation: str, environments: Path, folders: pytest.TempPathFactory) -> Jobs:
    options = ("--environments", str(environments), "--isolation", isolation, "--grace-seconds", str(GRACE_SECONDS))
    return Jobs(cloud=Cloud(folders.mktemp("jobs"), free_port(), options=options), isolation=isolation)


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

"""The workflows' own scripts from synthesis to drift, on the embedded cloud: what is not here is GitHub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from ports import free_port
from workflow_files import ROOT, script

from trainyard.local.cloud import ACCOUNT, REGION, Cloud
from trainyard.local.deploy import CdkCli

pytestmark = pytest.mark.slow
APP = f"""
import aws_cdk as cdk
from aws_cdk import aws_logs as logs, aws_s3_assets as assets, aws_ssm as ssm

app = cdk.App()
stage = cdk.Stage(app, "Small", env=cdk.Environment(account="{ACCOUNT}", region="{REGION}"))
stack = cdk.Stack(stage, "Only", stack_name="trainyard-small-only")
code = assets.Asset(stack, "Code", path="code")
ssm.StringParameter(stack, "Where", parameter_name="/small/where", string_value=code.s3_object_key)
logs.LogGroup(stack, "Logs", retention=logs.RetentionDays.ONE_WEEK, removal_policy=cdk.RemovalPolicy.DESTROY)
app.synth()
"""


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A machine of GitHub's: a folder with the tools, and what a step finds in its environment."""

    folder: Path
    environment: dict[str, str]

    def step(self, file: str, name: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs a step's script as GitHub does, with the paths that it names."""
        self.output.touch()
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script(file, name)],
            cwd=self.folder, env={**self.environment, **more}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def passes(self, file: str, name: str, **more: str) -> str:
        done = self.step(file, name, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def output(self) -> Path:
        return Path(self.environment["GITHUB_OUTPUT"])

    @property
    def summary(self) -> str:
        return Path(self.environment["GITHUB_STEP_SUMMARY"]).read_text()

    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.output.read_text().splitlines())


@dataclass(frozen=True, kw_only=True)
class Flow:
    """The way of one artifact: where it was made, and where it was deployed."""

    made: Path
    deployed: Runner
    digest: str
    change: str
    """What a reviewer reads."""
    said: str
    """What the last step prints."""
    cloud: Cloud


@pytest.fixture(scope="module")
def new_runner(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Runner]:
    def make(**environment: str) -> Runner:
        folder = tmp_path_factory.mktemp("runner")
        for tool in (".venv", "node_modules", ".github"):
            (folder / tool).symlink_to(ROOT / tool)
        here = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GITHUB_"))}
        path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        told = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
        return Runner(folder=folder, environment={**here, "PATH": path, "CI": "true", **told, **environment})

    return make


@pytest.fixture(scope="module")
def flow(new_runner: Callable[..., Runner], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flow]:
    maker = new_runner(CDK_VALIDATION="false")
    (maker.folder / "code").mkdir()
    (maker.folder / "code" / "handler.txt").write_text("an asset\n")
    (maker.folder / "app.py").write_text(APP)
    (maker.folder / "cdk.json").write_text(json.dumps({"app": ".venv/bin/python app.py"}))
    maker.passes("workflows/deploy.yml", "Synthesise once, without credentials")
    maker.passes("workflows/deploy.yml", "Pack")
    digest = maker.outputs()["digest"]
    cloud = Cloud(tmp_path_factory.mktemp("cloud"), free_port())
    cloud.up()
    try:
        CdkCli(cloud).bootstrap()
        runner = new_runner(**cloud.environment(), ENVIRONMENT="small", STAGE="Small")
        shutil.move(maker.folder / "cdk.out.tar.gz", runner.folder)
        shutil.rmtree(maker.folder)
        runner.passes("actions/artifact/action.yml", "Verify the digest", DIGEST=digest)
        runner.passes("actions/artifact/action.yml", "Unpack")
        runner.passes("workflows/deliver.yml", "Whose account")
        runner.passes("workflows/deliver.yml", "What would change")
        runner.passes("workflows/deliver.yml", "Deploy the artifact")
        said = runner.passes("workflows/deliver.yml", "What stands there now")
        yield Flow(made=maker.folder, deployed=runner, digest=digest, change=runner.summary, said=said, cloud=cloud)
    finally:
        cloud.down()


def client(flow: Flow, service: str) -> Any:
    environment = flow.cloud.environment()
    return boto3.session.Session().client(
        service, endpoint_url=environment["AWS_ENDPOINT_URL"], region_name=REGION,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


def test_the_account_gets_what_was_synthesised_elsewhere_with_its_asset(flow: Flow) -> None:
    key = client(flow, "ssm").get_parameter(Name="/small/where")["Parameter"]["Value"]
    bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
    assert client(flow, "s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    assert "trainyard-small-only: as deployed" in flow.said


def test_the_artifact_names_no_folder_of_where_it_was_made(flow: Flow) -> None:
    files = [path for path in (flow.deployed.folder / "cdk.out").rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if str(flow.made).encode() in path.read_bytes()] == []


def test_a_reviewer_reads_what_would_change_and_what_it_costs(flow: Flow) -> None:
    assert "Small/Only" in flow.change
    assert "AWS::SSM::Parameter" in flow.change
    assert "month" in flow.change


def test_the_account_is_read_from_the_artifact(flow: Flow) -> None:
    done = subprocess.run(
        [ROOT / ".github/actions/account.sh", flow.deployed.folder / "cdk.out", "Small"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        f"identity=arn:aws:iam::{ACCOUNT}",
        f"region={REGION}",
        f"lookup=arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-lookup-role-{ACCOUNT}-{REGION}",
    ]


def test_another_artifact_is_refused(flow: Flow, new_runner: Callable[..., Runner], tmp_path: Path) -> None:
    runner = new_runner()
    with tarfile.open(flow.deployed.folder / "cdk.out.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    (template,) = (tmp_path / "cdk.out").rglob("*.template.json")
    template.write_text(template.read_text().replace("/small/where", "/small/elsewhere"))
    with tarfile.open(runner.folder / "cdk.out.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "cdk.out", "cdk.out")
    refused = runner.step("actions/artifact/action.yml", "Verify the digest", DIGEST=flow.digest)
    assert refused.returncode != 0
    assert "FAILED" in refused.stdout


def test_a_digest_that_was_not_handed_over_refuses_everything(flow: Flow) -> None:
    assert flow.deployed.step("actions/artifact/action.yml", "Verify the digest", DIGEST="").returncode != 0


def test_the_night_tells_what_was_changed_by_hand(flow: Flow) -> None:
    logs = client(flow, "logs")
    (group,) = logs.describe_log_groups(logGroupNamePrefix="trainyard-small")["logGroups"]
    flow.deployed.output.unlink()
    flow.deployed.passes("workflows/drift.yml", "Look for drift")
    assert flow.deployed.outputs()["status"] == "0"
    logs.put_retention_policy(logGroupName=group["logGroupName"], retentionInDays=1)
    flow.deployed.output.unlink()
    flow.deployed.passes("workflows/drift.yml", "Look for drift")
    assert flow.deployed.outputs()["status"] == "1"
    issue = (flow.deployed.folder / "drift.md").read_text()
    assert "| `/RetentionInDays` | `7` | `1` |" in issue
    assert issue in flow.deployed.summary


def test_a_night_that_could_not_look_is_a_failure_and_no_drift(flow: Flow, new_runner: Callable[..., Runner]) -> None:
    runner = new_runner(**flow.cloud.environment(), ENVIRONMENT="nowhere", STAGE="Small")
    shutil.copytree(flow.deployed.folder / "cdk.out", runner.folder / "cdk.out")
    done = runner.step("workflows/drift.yml", "Look for drift")
    assert done.returncode != 0
    assert "environment: got 'nowhere'" in done.stderr

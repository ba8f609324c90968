"""The whole way on a cloud of its own: deployed by the real CDK CLI, killed in the middle, run again, data last."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import synthesis
from ports import free_port
from typer.testing import CliRunner, Result

from ml_contract.errors import ContractError
from trainyard.cli.app import app
from trainyard.local.cloud import ROOT, Cloud
from trainyard.local.deploy import CdkCli

pytestmark = [pytest.mark.slow, pytest.mark.e2e]
STACKS = ["Local/Network", "Local/Storage", "Local/Training-digits"]


class Deployed:
    """Three stacks of `local` with data in them, and an execution that runs."""

    def __init__(self, cloud: Cloud, assembly: Path) -> None:
        self.cloud, self.assembly = cloud, assembly
        cli = CdkCli(cloud, assembly)
        cli.bootstrap()
        assert cli.deploy(STACKS)
        s3 = self.client("s3")
        for bucket in self.buckets():
            s3.put_object(Bucket=bucket, Key="kept", Body=b"1")
            s3.put_object(Bucket=bucket, Key="kept", Body=b"2")
            s3.put_object(Bucket=bucket, Key="gone", Body=b"3")
            s3.delete_object(Bucket=bucket, Key="gone")
            s3.create_multipart_upload(Bucket=bucket, Key="never")
        self.client("sagemaker").start_pipeline_execution(PipelineName="trainyard-local-digits")

    def client(self, service: str) -> Any:
        given = self.cloud.environment()
        return boto3.session.Session().client(
            service, endpoint_url=given["AWS_ENDPOINT_URL"], region_name=given["AWS_REGION"],
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip

    def buckets(self) -> list[str]:
        found = [each["Name"] for each in self.client("s3").list_buckets()["Buckets"]]
        return [name for name in found if name.startswith("trainyard-local")]

    def stacks(self) -> list[str]:
        return [each["StackName"] for each in self.client("cloudformation").describe_stacks()["Stacks"]]

    def keys(self) -> list[str]:
        kms = self.client("kms")
        found = [kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"] for each in kms.list_keys()["Keys"]]
        return [each["KeyId"] for each in found if each["KeyState"] == "Enabled" and each["KeyManager"] != "AWS"]

    def command(self, *arguments: str) -> list[str]:
        where = ["--port", str(self.cloud.port), "--state", str(self.cloud.state)]
        program = [str(Path(sys.executable).parent / "trainyard"), "--local", *where, "teardown", "local"]
        return [*program, "--assembly", str(self.assembly), *arguments]

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, self.command(*arguments)[1:])

    def killed_at(self, word: str, *arguments: str) -> None:
        """Run until a line holds ``word``, and kill it there."""
        with subprocess.Popen(self.command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert any(word in line for line in process.stdout), "it ended before"
            process.send_signal(signal.SIGKILL)

    def words(self) -> list[str]:
        plan = json.loads(self.run("--plan", "--json").output)
        return [part for word in plan["confirm"] for part in ("--confirm", word)]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    cloud = Cloud(tmp_path_factory.mktemp("teardown"), free_port(), options=("--grace-seconds", "2"))
    cloud.up()
    try:
        yield Deployed(cloud, synthesis.assembly_of_its_own(tmp_path_factory.mktemp("assembly")))
    finally:
        cloud.down()


def test_plan_changes_nothing_and_says_what_runs_bills_and_is_typed(deployed: Deployed) -> None:
    before = deployed.stacks(), deployed.buckets(), deployed.keys()
    done = deployed.run("--plan")
    assert done.exit_code == 0, done.output
    assert (deployed.stacks(), deployed.buckets(), deployed.keys()) == before
    assert "stop        execution " in done.output
    assert "3 versions of objects, 3 B, 1 incomplete upload" in done.output
    assert done.output.index("delete      stack trainyard-local-training-digits") < done.output.index(
        "delete      stack trainyard-local-storage"
    )
    assert done.output.splitlines()[-1].startswith("to be typed: local, trainyard-local-storage-")


def test_killed_in_the_middle_it_goes_on_and_keeps_what_was_not_named(deployed: Deployed) -> None:
    full = sorted(deployed.buckets())
    deployed.killed_at("stack trainyard-local-training-digits: deletion begins", "--confirm", "local", "--keep-data")
    assert "trainyard-local-storage" in deployed.stacks(), "the kill came too late"
    done = deployed.run("--confirm", "local", "--keep-data")
    assert done.exit_code == 0, done.output
    assert deployed.stacks() == ["CDKToolkit"]
    assert sorted(deployed.buckets()) == full
    for bucket in full:
        assert deployed.client("s3").get_object(Bucket=bucket, Key="kept")["Body"].read() == b"2"
        # A bucket that stays still refuses plain HTTP and other accounts.
        assert "OtherAccounts" in deployed.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    assert " still bill, " in done.output
    assert deployed.keys(), "a bucket was kept whose key is gone"


def test_what_was_kept_goes_once_it_is_named_though_killed_while_buckets_are_emptied(deployed: Deployed) -> None:
    refused = deployed.run("--confirm", "local")
    assert isinstance(refused.exception, ContractError)
    assert "more hold data and are not named" in str(refused.exception)
    assert len(deployed.buckets()) == 4, "data went without being named"
    deployed.killed_at(": emptied", *deployed.words())
    assert deployed.keys(), "the kill came too late"
    done = deployed.run(*deployed.words())
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "nothing bills, and nothing is left"
    # Looked at without the program's own eyes.
    assert (deployed.stacks(), deployed.buckets(), deployed.keys()) == (["CDKToolkit"], [], [])
    sagemaker = deployed.client("sagemaker")
    assert sagemaker.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"] == []
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    assert deployed.client("logs").describe_log_groups(logGroupNamePrefix="trainyard-local")["logGroups"] == []
    assert deployed.client("ec2").describe_vpc_endpoints()["VpcEndpoints"] == []

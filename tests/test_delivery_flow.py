"""The workflows' own scripts from synthesis to drift, on the embedded cloud: what is not here is GitHub.

Every job works with the credentials that its token gets it, and nothing else: what the roles of delivery are granted is
enough, and too little for anything beyond.
"""

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
from botocore.exceptions import ClientError
from delivery_scene import APP, LOOKS, QUALIFIER, Runner, administrator, chained, prepare, session, token
from ports import free_port
from workflow_files import ROOT

from trainyard.local.cloud import ACCOUNT, REGION, Cloud

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


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
    looks: Runner
    """Where the job ran that looked."""
    warned: str
    """What it said of quotas."""
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
    maker = new_runner(CDK_VALIDATION="false", PYTHONPATH=str(ROOT))
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
        prepare(cloud, maker)
        where = {**cloud.environment(), "ENVIRONMENT": "small", "STAGE": "Small"}
        looks, deploys = (new_runner(**where) for _ in range(2))
        for runner in (looks, deploys):
            shutil.copy(maker.folder / "cdk.out.tar.gz", runner.folder)
        shutil.rmtree(maker.folder)
        for runner, role, proof in ((looks, "look", token(**LOOKS)), (deploys, "deploy", token())):
            runner.passes("actions/artifact/action.yml", "Verify the digest", DIGEST=digest)
            runner.passes("actions/artifact/action.yml", "Unpack")
            runner.passes("workflows/deliver.yml", "Whose account")
            runner.environment.update(session(cloud, role, proof))
        lookup = looks.outputs()["lookup"]
        looks.environment.update(chained(looks.environment, lookup))
        looks.passes("workflows/deliver.yml", "What would change")
        warned = looks.passes("workflows/deliver.yml", "Whether the account has the quotas")
        deploys.passes("workflows/deliver.yml", "Deploy the artifact")
        deploys.environment.update(chained(deploys.environment, lookup))
        said = deploys.passes("workflows/deliver.yml", "What stands there now")
        yield Flow(made=maker.folder, deployed=deploys, digest=digest, change=looks.summary, said=said, looks=looks,
                   warned=warned, cloud=cloud)  # fmt: skip
    finally:
        cloud.down()


def client(flow: Flow, service: str) -> Any:
    return boto3.session.Session().client(service, **administrator(flow.cloud))


def test_the_account_gets_what_was_synthesised_elsewhere_with_its_asset(flow: Flow) -> None:
    key = client(flow, "ssm").get_parameter(Name="/small/where")["Parameter"]["Value"]
    bucket = f"cdk-{QUALIFIER}-assets-{ACCOUNT}-{REGION}"
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


def test_a_reviewer_reads_of_quotas_and_is_not_stopped_by_them(flow: Flow) -> None:
    assert "### Quotas" in flow.change
    assert flow.warned == "" or flow.warned.startswith("::warning::quotas of small")


def test_the_account_is_read_from_the_artifact(flow: Flow) -> None:
    done = subprocess.run(
        [ROOT / ".github/actions/account.sh", flow.deployed.folder / "cdk.out", "Small"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        f"identity=arn:aws:iam::{ACCOUNT}",
        f"region={REGION}",
        f"lookup=arn:aws:iam::{ACCOUNT}:role/cdk-{QUALIFIER}-lookup-role-{ACCOUNT}-{REGION}",
    ]


@pytest.mark.parametrize(
    ("role", "changes"),
    [
        ("deploy", LOOKS),
        ("deploy", {"ref": "refs/heads/feature"}),
        ("deploy", {"sub": "repo:octocat@123456/my-repo@456789:pull_request"}),
        ("deploy", {"sub": "repo:octocat@9/my-repo@8:environment:small", "repository_id": "8"}),
        ("deploy", {"job_workflow_ref": "octocat/my-repo/.github/workflows/check.yml@refs/heads/main"}),
        ("deploy", {"aud": "https://github.com/octocat"}),
        ("deploy", {"iss": "https://gitlab.com"}),
        ("look", {}),
    ],
    ids=str,
)
def test_no_other_token_gets_in(flow: Flow, role: str, changes: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="AssumeRoleWithWebIdentity"):
        session(flow.cloud, role, token(**changes))


def test_who_looks_cannot_deploy(flow: Flow) -> None:
    mine = session(flow.cloud, "look", token(**LOOKS))
    arn = f"arn:aws:iam::{ACCOUNT}:role/cdk-{QUALIFIER}-deploy-role-{ACCOUNT}-{REGION}"
    with pytest.raises(ClientError, match="AccessDenied"):
        chained({**flow.looks.environment, **mine}, arn)


def test_who_deploys_touches_nothing_but_through_the_bootstrap(flow: Flow) -> None:
    mine = session(flow.cloud, "deploy", token())
    ssm = boto3.client("ssm", endpoint_url=flow.cloud.endpoint_url, region_name=REGION,
                       aws_access_key_id=mine["AWS_ACCESS_KEY_ID"], aws_session_token=mine["AWS_SESSION_TOKEN"],
                       aws_secret_access_key=mine["AWS_SECRET_ACCESS_KEY"])  # fmt: skip
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.get_parameter(Name="/small/where")


def test_cloudformation_works_with_our_policy_alone(flow: Flow) -> None:
    role = f"cdk-{QUALIFIER}-cfn-exec-role-{ACCOUNT}-{REGION}"
    attached = client(flow, "iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["trainyard-small-execution"]


def test_another_artifact_is_refused(flow: Flow, new_runner: Callable[..., Runner], tmp_path: Path) -> None:
    runner = new_runner()
    with tarfile.open(flow.deployed.folder / "cdk.out.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    (template,) = (tmp_path / "cdk.out/assembly-Small").glob("*.template.json")
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
    assert "### Drift of delivery-small\n\n0 of 1 stacks differ." in issue
    assert issue in flow.deployed.summary


def test_a_night_that_could_not_look_is_a_failure_and_no_drift(flow: Flow, new_runner: Callable[..., Runner]) -> None:
    runner = new_runner(**{**flow.looks.environment, "ENVIRONMENT": "nowhere"})
    shutil.copytree(flow.deployed.folder / "cdk.out", runner.folder / "cdk.out")
    done = runner.step("workflows/drift.yml", "Look for drift")
    assert done.returncode != 0
    assert "environment: got 'nowhere'" in done.stderr

"""A runner of GitHub's with a small app to deliver, and the credentials that tokens get its jobs."""

from __future__ import annotations

import json
import subprocess
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from workflow_files import script

from trainyard.local.cloud import ACCOUNT, REGION, Cloud

QUALIFIER = "flow"
APP = f"""
import aws_cdk as cdk
from aws_cdk import aws_logs as logs, aws_s3_assets as assets, aws_ssm as ssm
from constructs_lib.delivery import AccountProvider, DeliveryRoles, GitHub, ImmutableRepository
from constructs_lib.delivery.execution import ExecutionPolicy

app = cdk.App()
here = cdk.Environment(account="{ACCOUNT}", region="{REGION}")
trust = cdk.Stack(app, "Delivery-Small", stack_name="trainyard-small-delivery", env=here,
                  synthesizer=cdk.BootstraplessSynthesizer())
repository = ImmutableRepository(owner="octocat", name="my-repo", owner_id=123456, repository_id=456789)
github = GitHub(repository=repository, branch="main", deploys="small", looks="small-look",
                provider=AccountProvider(), workflow="deliver.yml")
DeliveryRoles(trust, "GitHub", github=github, name="trainyard-small", region="{REGION}", qualifier="{QUALIFIER}")
ExecutionPolicy(trust, "Execution", name="trainyard-small", region="{REGION}", bounded=False)
stage = cdk.Stage(app, "Small", env=here)
stage.node.set_context("@aws-cdk/core:bootstrapQualifier", "{QUALIFIER}")
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


def token(**changes: str) -> str:
    """What a job of deliver.yml on main shows, unsigned."""
    claims = {
        "iss": "https://token.actions.githubusercontent.com",
        "aud": "sts.amazonaws.com",
        "sub": "repo:octocat@123456/my-repo@456789:environment:small",
        "environment": "small",
        "ref": "refs/heads/main",
        "repository": "octocat/my-repo",
        "repository_id": "456789",
        "job_workflow_ref": "octocat/my-repo/.github/workflows/deliver.yml@refs/heads/main",
    } | changes
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join([*(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), ""])


LOOKS = {"sub": "repo:octocat@123456/my-repo@456789:environment:small-look", "environment": "small-look"}


def session(cloud: Cloud, role: str, proof: str) -> dict[str, str]:
    """Credentials as `aws-actions/configure-aws-credentials` leaves them."""
    sts = boto3.client("sts", endpoint_url=cloud.endpoint_url, region_name=REGION,
                       config=Config(signature_version=UNSIGNED))  # fmt: skip
    arn = f"arn:aws:iam::{ACCOUNT}:role/delivery/trainyard-small-{role}"
    return variables(sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="job", WebIdentityToken=proof))


def chained(credentials: dict[str, str], arn: str) -> dict[str, str]:
    """The same with `role-chaining`."""
    sts = boto3.client(
        "sts", endpoint_url=credentials["AWS_ENDPOINT_URL"], region_name=REGION,
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"], aws_session_token=credentials["AWS_SESSION_TOKEN"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    return {**credentials, **variables(sts.assume_role(RoleArn=arn, RoleSessionName="job"))}


def variables(answer: dict[str, Any]) -> dict[str, str]:
    found = answer["Credentials"]
    return {"AWS_ACCESS_KEY_ID": found["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
            "AWS_SESSION_TOKEN": found["SessionToken"]}  # fmt: skip


def prepare(cloud: Cloud, maker: Runner) -> None:
    """What an administrator does once an account, in the order of docs/delivery.md."""
    iam = boto3.client("iam", **administrator(cloud))
    iam.create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"]
    )
    cdk = [maker.folder / "node_modules/.bin/cdk", "--no-notices", "--app", "cdk.out"]
    policy = f"arn:aws:iam::{ACCOUNT}:policy/delivery/trainyard-small-execution"
    for command in (
        ["deploy", "Delivery-Small", "--require-approval", "never"],
        ["bootstrap", f"aws://{ACCOUNT}/{REGION}", "--qualifier", QUALIFIER, "--toolkit-stack-name",
         f"CDKToolkit-{QUALIFIER}", "--cloudformation-execution-policies", policy],
    ):  # fmt: skip
        done = subprocess.run([*cdk, *command], cwd=maker.folder, env={**maker.environment, **cloud.environment()},
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def administrator(cloud: Cloud) -> dict[str, Any]:
    environment = cloud.environment()
    return {"endpoint_url": cloud.endpoint_url, "region_name": REGION,
            "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"]}  # fmt: skip

"""The real CDK CLI with an app that knows nothing of this project: bootstrap, deploy, diff, deploy again, destroy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainyard.local.cloud import ACCOUNT, REGION, ROOT, Cloud
from trainyard.local.readback import Verdict, read_back

APP = """
import sys

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_iam as iam, aws_kms as kms, aws_s3 as s3

days, action, zones = int(sys.argv[1]), sys.argv[2], ["us-east-1a", "us-east-1b"]
app = cdk.App(context={"@aws-cdk/core:defaultCrossStackReferences": "weak"})
where = cdk.Environment(account="ACCOUNT", region="REGION")


class Data(cdk.Stack):
    def __init__(self, scope, name):
        super().__init__(scope, name, env=where)
        key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=cdk.RemovalPolicy.DESTROY)
        self.bucket = s3.Bucket(
            self, "Bucket", encryption=s3.BucketEncryption.KMS, encryption_key=key, bucket_key_enabled=True,
            enforce_ssl=True, versioned=True, removal_policy=cdk.RemovalPolicy.DESTROY,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(days))],
        )


class Work(cdk.Stack):
    def __init__(self, scope, name, bucket):
        super().__init__(scope, name, env=where)
        vpc = ec2.Vpc(
            self, "Vpc", availability_zones=zones, restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="inside", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
            ],
            gateway_endpoints={"s3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
        )
        vpc.add_interface_endpoint("Logs", service=ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[bucket.arn_for_objects("*")]))


data = Data(app, "foreign-data")
Work(app, "foreign-work", data.bucket)
app.synth()
""".replace("ACCOUNT", ACCOUNT).replace("REGION", REGION)


class Cdk:
    """The CDK CLI of this project, with the foreign app."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self._folder = folder
        (folder / "app.py").write_text(APP)
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        path = f"{Path(sys.executable).parent}:{ROOT / 'node_modules' / '.bin'}:{own['PATH']}"
        settings = {"CI": "true", "NO_COLOR": "1", "CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_VALIDATION": "false"}
        self._environment = {**own, **cloud.environment(), **settings, "PATH": path}

    def synth(self, days: int, action: str) -> None:
        """Makes the assembly that every other command takes."""
        self("synth", "--quiet", "--output", "cdk.out", app=f"{sys.executable} app.py {days} {action}")

    def __call__(self, *arguments: str, app: str = "cdk.out") -> str:
        ran = subprocess.run(
            ["cdk", *arguments, "--app", app, "--no-notices", "--no-version-reporting"],
            cwd=self._folder,
            env=self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stdout
        return ran.stdout


@pytest.mark.slow
def test_a_foreign_app_deploys_diffs_updates_and_goes(cloud: Cloud, client: Any, tmp_path: Path) -> None:
    cdk = Cdk(cloud, tmp_path)

    class Session:
        def client(self, service: str) -> Any:
            return client(service)

    def different() -> list[str]:
        result = read_back(tmp_path / "cdk.out", ["foreign-*"], Session())
        return [str(finding) for finding in result.of(Verdict.DIFFERS)]

    deploy = ("deploy", "--all", "--require-approval", "never", "--concurrency", "2")
    cdk.synth(7, "s3:GetObject")
    assert "bootstrapped" in cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    assert "foreign-work" in cdk(*deploy)
    assert different() == []
    assert len(re.findall(r"\(no changes\)", cdk(*deploy))) == 2
    assert "Number of stacks with differences: 0" in cdk("diff", "--all")

    cdk.synth(9, "s3:PutObject")
    shown = cdk("diff", "--all")
    assert "Number of stacks with differences: 2" in shown
    assert re.search(r"\[-\] .*7", shown)
    assert "s3:PutObject" in shown
    cdk(*deploy)
    assert different() == []

    cdk("destroy", "--all", "--force")
    left = [row["StackName"] for row in client("cloudformation").describe_stacks()["Stacks"]]
    assert not [name for name in left if name.startswith("foreign-")]

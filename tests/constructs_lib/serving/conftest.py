"""Something that serves, and the stack that holds it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template
from synthesis import ROOT

from constructs_lib.serving.hosted import Hosted
from constructs_lib.training import Location


class Scene:
    """Stacks with something that serves in each."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """An app is written once, so each template begins with a new one."""
        self.stack = cdk.Stack(cdk.App(), "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))
        self.resource = cdk.CfnResource(self.stack, "Endpoint", type="AWS::SageMaker::Endpoint")

    def hosted(self, kind: str = "real-time", **fields: Any) -> Hosted:
        given: dict[str, Any] = {"kind": kind, "endpoint": "shop", "variant": "live", "resource": self.resource}
        if kind == "serverless":
            given.update(provisioned_concurrency=2, max_concurrency=20)
        else:
            given.update(instance_type="ml.g5.12xlarge", instance_count=1)
        if kind == "component":
            given.update(component="llama")
        return Hosted(**{**given, **fields})

    def written(self) -> dict[str, dict[str, Any]]:
        """Everything in the stack but the endpoint, as the template has it. What comes next begins anew."""
        found = Template.from_stack(self.stack).to_json()["Resources"]
        self.renew()
        return {name: entry for name, entry in found.items() if entry["Type"] != "AWS::SageMaker::Endpoint"}

    def bound(self, scaling: Any, hosted: Hosted) -> list[dict[str, Any]]:
        """Resources that binding makes, the registration first."""
        scaling.bind(self.stack, hosted)
        return list(self.written().values())


@pytest.fixture(scope="session")
def scene() -> Scene:
    return Scene()


class Place:
    """A stack with what a job needs around it."""

    def __init__(self) -> None:
        self.stack = cdk.Stack(cdk.App(), "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))
        self.key = kms.Key(self.stack, "Key")
        self.bucket = s3.Bucket(self.stack, "Storage", encryption_key=self.key)
        vpc = ec2.Vpc.from_vpc_attributes(self.stack, "Vpc", vpc_id="vpc-1", availability_zones=["eu-west-1a"])

        class Network:
            subnets = (ec2.Subnet.from_subnet_id(self.stack, "Subnet", "subnet-0123456789abcdef0"),)
            nodes = ec2.SecurityGroup(self.stack, "Nodes", vpc=vpc)

        self.network = Network()

    def at(self, prefix: str) -> Location:
        return Location(bucket=self.bucket, prefix=prefix)


@pytest.fixture(scope="module")
def place() -> Place:
    return Place()


Execute = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="session")
def execute() -> Execute:
    """Runs a state machine on the embedded cloud's engine, once for each case of given answers."""
    python = ROOT / ".trainyard/envs/cloud/bin/python"
    if not python.exists():
        pytest.skip("`make setup-test` installs the embedded cloud")

    def run(definition: dict[str, Any], given: dict[str, Any], cases: dict[str, Any]) -> dict[str, Any]:
        asked = json.dumps({"definition": definition, "input": given, "cases": cases})
        script = Path(__file__).with_name("engine.py")
        return json.loads(
            subprocess.run([python, script], input=asked, capture_output=True, text=True, check=True).stdout
        )

    return run

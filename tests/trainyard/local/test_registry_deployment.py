"""An approved package updates a stack: rule, state machine, role and CloudFormation, all deployed and run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm
from aws_cdk.assertions import Template
from synthesis import context

from constructs_lib.encryption import let_log_service_use
from constructs_lib.serving.registry import DeploymentSettings, RegistryDeployment
from trainyard.local.cloud import ACCOUNT, REGION, Cloud

pytestmark = pytest.mark.slow


def template() -> str:
    """A stack whose parameter is what an endpoint would serve."""
    stack = cdk.Stack(cdk.App(context=context()), "Serving", env=cdk.Environment(account=ACCOUNT, region=REGION),
                      synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False))  # fmt: skip
    package = cdk.CfnParameter(stack, "ModelPackageArn", default="")
    cdk.CfnParameter(stack, "Other", default="first")
    ssm.CfnParameter(stack, "Served", type="String", name="/served", value=f"-{package.value_as_string}")
    key = kms.Key(stack, "Key")
    let_log_service_use(key)
    RegistryDeployment(stack, "Approval", group="models", parameter=package, key=key,
                       settings=DeploymentSettings(log_days=1, poll_seconds=60))  # fmt: skip
    return json.dumps(Template.from_stack(stack).to_json())


class Scene:
    """A cloud with the stack and a group of packages."""

    def __init__(self, cloud: Cloud) -> None:
        self._session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        self._url = cloud.endpoint_url
        sagemaker, stacks = self.client("sagemaker"), self.client("cloudformation")
        sagemaker.create_model_package_group(ModelPackageGroupName="models")
        self.packages = [sagemaker.create_model_package(ModelPackageGroupName="models")["ModelPackageArn"]
                         for _ in range(2)]  # fmt: skip
        stacks.create_stack(StackName="serving", TemplateBody=template(), Capabilities=["CAPABILITY_IAM"],
                            Parameters=[{"ParameterKey": "Other", "ParameterValue": "kept"}])  # fmt: skip
        stacks.get_waiter("stack_create_complete").wait(
            StackName="serving", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
        )
        (machine,) = self.client("stepfunctions").list_state_machines()["stateMachines"]
        self.machine = machine["stateMachineArn"]

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._url)

    def approve(self, number: int, status: str = "Approved") -> None:
        self.client("sagemaker").update_model_package(ModelPackageArn=self.packages[number], ModelApprovalStatus=status)

    def ended(self, count: int) -> dict[str, Any]:
        """The newest execution, once so many have ended."""
        machines = self.client("stepfunctions")
        for _ in range(600):
            found = machines.list_executions(stateMachineArn=self.machine)["executions"]
            if len([entry for entry in found if entry["status"] != "RUNNING"]) >= count:
                return machines.describe_execution(executionArn=found[0]["executionArn"])
            time.sleep(0.1)
        raise AssertionError(found)

    def parameters(self) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName="serving")["Stacks"]
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack["Parameters"]}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    from ports import free_port

    cloud = Cloud(tmp_path_factory.mktemp("cloud"), free_port(), options=("--minute-seconds", "0.3"))
    cloud.up()
    try:
        yield Scene(cloud)
    finally:
        cloud.down()


def test_approval_reaches_the_stack_and_nothing_else_changes(scene: Scene) -> None:
    scene.approve(0)
    assert scene.ended(1).get("cause") is None
    assert scene.parameters() == {"ModelPackageArn": scene.packages[0], "Other": "kept"}
    value = scene.client("ssm").get_parameter(Name="/served")["Parameter"]["Value"]
    assert value == f"-{scene.packages[0]}"


def test_a_newer_one_replaces_it_and_an_older_one_does_not_come_back(scene: Scene) -> None:
    scene.approve(1)
    assert scene.ended(2).get("cause") is None
    assert scene.parameters()["ModelPackageArn"] == scene.packages[1]
    scene.approve(0, "PendingManualApproval")
    scene.approve(0)
    assert scene.ended(3).get("cause") is None
    assert scene.parameters()["ModelPackageArn"] == scene.packages[1]


def test_one_that_is_approved_from_the_beginning_waits_for_its_validation(scene: Scene) -> None:
    storage, sagemaker = scene.client("s3"), scene.client("sagemaker")
    storage.create_bucket(Bucket="packages")
    storage.put_object(Bucket="packages", Key="model.tar.gz", Body=b"archive")
    container = {"Image": "triton", "ModelDataUrl": "s3://packages/model.tar.gz"}
    specification = {"Containers": [container], "SupportedContentTypes": ["a/b"],
                     "SupportedResponseMIMETypes": ["a/b"]}  # fmt: skip
    arn = sagemaker.create_model_package(ModelPackageGroupName="models", ModelApprovalStatus="Approved",
                                         InferenceSpecification=specification)["ModelPackageArn"]  # fmt: skip
    scene.packages.append(arn)
    # One execution for the registration, which waits, and one for the end of the validation.
    assert scene.ended(5).get("cause") is None
    assert scene.parameters()["ModelPackageArn"] == arn


def test_without_its_right_the_machine_fails_and_says_so(scene: Scene) -> None:
    iam = scene.client("iam")
    role = scene.client("stepfunctions").describe_state_machine(stateMachineArn=scene.machine)["roleArn"]
    denied = {"Effect": "Deny", "Action": "cloudformation:UpdateStack", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="deny", PolicyDocument=document)
    scene.approve(1, "PendingManualApproval")
    scene.approve(2, "Rejected")
    scene.approve(1)
    described = scene.ended(6)
    assert (described["status"], described["error"]) == ("FAILED", "NotServed")
    assert "cloudformation:UpdateStack" in described["cause"]
    assert scene.parameters()["ModelPackageArn"] == scene.packages[2]

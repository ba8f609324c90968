"""Governance as a template: requests of the API's shape, rights that end at quotas, a look that misses nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aws_cdk as cdk
import botocore.session
import pytest
from aws_cdk import assertions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from synthesis import actions, context, resources, statements

from constructs_lib.governance import (
    ByCloudFormation,
    Devices,
    DriftCheck,
    GovernanceSettings,
    Instances,
    LendAndBorrow,
    PriorityClass,
    Restore,
    SchedulerPolicy,
    TaskGovernance,
    TeamQuota,
)
from constructs_lib.governance.function import QuotaFunction
from constructs_lib.network import CUSTOM_RESOURCES, JOBS, Network, NetworkSettings, know_availability_zones
from ml_contract.errors import ContractError
from tests.constructs_lib.governance.test_settings import P5, group
from trainyard.local.api.shapes import violations

CLUSTER = "arn:aws:sagemaker:us-east-1:123456789012:cluster/abcdefabcdef"
SETTINGS = GovernanceSettings(
    policy=SchedulerPolicy(
        name="shared",
        fair_share="Enabled",
        classes=(PriorityClass(name="inference", weight=90),),
        idle_sharing="Enabled",
    ),
    quotas=(
        TeamQuota(
            team="research", weight=60, resources=(Instances(instance_type=P5, count=12),), sharing=LendAndBorrow()
        ),
        TeamQuota(
            team="vision",
            weight=40,
            resources=(Devices(instance_type=P5, accelerators=16),),
            sharing=LendAndBorrow(limits=(Devices(instance_type=P5, accelerators=8),)),
        ),
    ),
    drift=DriftCheck(every_minutes=15, then=Restore()),
)


def build(maker: Any = None) -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="123456789012", region="us-east-1"))
    TaskGovernance(
        stack,
        "Governance",
        cluster_arn=CLUSTER,
        groups=[group("workers", 16)],
        settings=SETTINGS,
        topic=sns.Topic.from_topic_arn(stack, "Topic", "arn:aws:sns:us-east-1:123456789012:alerts"),
        key=kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:us-east-1:123456789012:key/1"),
        log_days=30,
        maker=maker,
    )
    return assertions.Template.from_stack(stack).to_json()


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return build()


def quotas(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return resources(template, "Custom::TrainyardComputeQuota")


def test_each_team_has_a_quota_whose_request_the_api_takes(template: dict[str, Any]) -> None:
    shape = botocore.session.Session().get_service_model("sagemaker").operation_model("CreateComputeQuota").input_shape
    asked = [entry["Properties"]["Request"] for entry in quotas(template).values()]
    assert sorted(request["Name"] for request in asked) == ["research", "vision"]
    assert [violations(shape, request) for request in asked] == [[], []]


def test_a_quota_waits_for_the_policy_and_for_the_functions_rights(template: dict[str, Any]) -> None:
    (policy,) = resources(template, "AWS::SageMaker::ClusterSchedulerConfig")
    (rights,) = resources(template, "AWS::IAM::Policy")
    for entry in quotas(template).values():
        assert {policy, rights} <= set(entry["DependsOn"])


def test_the_wait_for_an_answer_ends(template: dict[str, Any]) -> None:
    (function,) = resources(template, "AWS::Lambda::Function").values()
    for entry in quotas(template).values():
        assert function["Properties"]["Timeout"] < int(entry["Properties"]["ServiceTimeout"]) <= 3600


def test_the_function_has_rights_on_quotas_and_on_its_metric_alone(template: dict[str, Any]) -> None:
    found = {action for statement in statements(template, "Governance") for action in actions(statement)}
    services = {action.partition(":")[0] for action in found}
    assert services == {"logs", "sagemaker", "cloudwatch"}
    assert not [action for action in found if "*" in action]


def test_quotas_are_all_that_it_can_change_in_sagemaker(template: dict[str, Any]) -> None:
    for statement in statements(template, "Governance"):
        if actions(statement) & {"sagemaker:DeleteComputeQuota"}:
            assert "compute-quota/*" in str(statement["Resource"])


def test_it_publishes_into_one_namespace(template: dict[str, Any]) -> None:
    (statement,) = (s for s in statements(template, "Governance") if "cloudwatch:PutMetricData" in actions(s))
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Trainyard/Governance"}}


def test_its_log_is_encrypted_and_ends(template: dict[str, Any]) -> None:
    (log,) = resources(template, "AWS::Logs::LogGroup").values()
    assert log["Properties"]["RetentionInDays"] == 30
    assert log["Properties"]["KmsKeyId"].endswith("key/1")


def test_a_look_carries_what_was_deployed(template: dict[str, Any]) -> None:
    rules = resources(template, "AWS::Events::Rule").values()
    inputs = [str(rule["Properties"]["Targets"][0]["Input"]) for rule in rules]
    assert len(inputs) == 2
    assert all('"OnDrift":"restore"' in text.replace("\\", "") for text in inputs)


def test_silence_raises_the_alarm(template: dict[str, Any]) -> None:
    """Of each team: looks at one quota must not hide that nobody looks at another."""
    alarms = [entry["Properties"] for entry in resources(template, "AWS::CloudWatch::Alarm").values()]
    assert {(alarm["TreatMissingData"], alarm["Period"]) for alarm in alarms} == {("breaching", 2 * 15 * 60)}
    looked = [{row["Name"]: row["Value"] for row in alarm["Dimensions"]} for alarm in alarms]
    assert sorted(one["Team"] for one in looked) == ["research", "vision"]
    assert all(one["ClusterArn"] == CLUSTER for one in looked)


def test_the_native_type_takes_the_same_request() -> None:
    template = build(ByCloudFormation())
    asked = [entry["Properties"]["Name"] for entry in resources(template, "AWS::SageMaker::ComputeQuota").values()]
    assert (sorted(asked), quotas(template)) == (["research", "vision"], {})


@pytest.mark.parametrize("purposes", [(JOBS,), (CUSTOM_RESOURCES,)])
def test_a_closed_network_that_lets_no_answer_out_is_refused(purposes: tuple[Any, ...]) -> None:
    stack = cdk.Stack()
    key = kms.Key(stack, "Key")
    closed: Any = SimpleNamespace(closed=True, purposes=purposes)
    with pytest.raises(ContractError, match="answers CloudFormation"):
        QuotaFunction(stack, "Function", key=key, log_days=30, network=closed)


@pytest.mark.slow
def test_in_a_closed_network_it_reaches_sagemaker_and_answers() -> None:
    stack = cdk.Stack(cdk.App(context=context()), "Stack", env=cdk.Environment(account="1" * 12, region="us-east-1"))
    know_availability_zones(stack, ("us-east-1a",))
    settings = NetworkSettings(cidr="10.0.0.0/20", availability_zones=("us-east-1a",), nodes=2, efa=False, log_days=30,
                               purposes=(JOBS, CUSTOM_RESOURCES))  # fmt: skip
    network = Network(stack, "Network", settings=settings, removal=cdk.RemovalPolicy.DESTROY)
    QuotaFunction(stack, "Function", key=kms.Key(stack, "Key"), log_days=30, network=network)
    template = assertions.Template.from_stack(stack).to_json()
    (function,) = resources(template, "AWS::Lambda::Function").values()
    assert len(function["Properties"]["VpcConfig"]["SubnetIds"]) == 1
    endpoints = [entry["Properties"] for entry in resources(template, "AWS::EC2::VPCEndpoint").values()]
    (gateway,) = (entry for entry in endpoints if entry["VpcEndpointType"] == "Gateway")
    (written,) = (row for row in gateway["PolicyDocument"]["Statement"] if "s3:PutObject" in actions(row))
    assert written["Resource"] == "arn:aws:s3:::cloudformation-custom-resource-response-useast1/*"

"""Alarms, topics, rules and state machines through CloudFormation: made, changed, read back, refused, removed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["states.amazonaws.com", "events.amazonaws.com"]},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    },
}
ALARM: dict[str, Any] = {
    "Namespace": "AWS/SageMaker",
    "MetricName": "ModelLatency",
    "Dimensions": [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}],
    "ExtendedStatistic": "p99",
    "Period": 60,
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 250000.5,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
    "EvaluateLowSampleCountPercentile": "ignore",
    "AlarmDescription": "slow",
    "AlarmActions": [{"Ref": "Topic"}],
    "OKActions": [{"Ref": "Topic"}],
    "InsufficientDataActions": [{"Ref": "Topic"}],
    "Unit": "Microseconds",
    "Tags": [{"Key": "team", "Value": "a"}],
}
MACHINE = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Role": ROLE,
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "alarms"}},
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{"Ref": "Topic"}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "sns:Publish",
                            "Resource": {"Ref": "Topic"},
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ],
                },
            },
        },
        "Queue": {"Type": "AWS::SNS::Subscription", "Properties": {
            "TopicArn": {"Ref": "Topic"}, "Protocol": "email", "Endpoint": "ops@example.com",
            "FilterPolicy": {"severity": ["high"]},
        }},
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": ALARM},
        "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {
            "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "DefinitionString": json.dumps(MACHINE),
            "TracingConfiguration": {"Enabled": True},
            "LoggingConfiguration": {"Level": "ALL", "IncludeExecutionData": True, "Destinations": [
                {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["Log", "Arn"]}}},
            ]},
        }},
        "Rule": {"Type": "AWS::Events::Rule", "Properties": {
            "Description": "approved",
            "EventPattern": {"source": ["aws.sagemaker"], "detail": {"ModelApprovalStatus": ["Approved"]}},
            "Targets": [{"Id": "Target0", "Arn": {"Ref": "Machine"}, "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}}],
        }},
    },
    "Outputs": {
        "Alarm": {"Value": {"Ref": "Alarm"}}, "AlarmArn": {"Value": {"Fn::GetAtt": ["Alarm", "Arn"]}},
        "Topic": {"Value": {"Fn::GetAtt": ["Topic", "TopicName"]}}, "Rule": {"Value": {"Ref": "Rule"}},
        "Machine": {"Value": {"Fn::GetAtt": ["Machine", "Name"]}},
    },
}  # fmt: skip


@pytest.mark.slow
def test_every_property_is_applied_and_changes(stack: Any, client: Callable[[str], Any]) -> None:
    outputs = stack.deploy(TEMPLATE)
    read = stack.read_back()
    assert read.ok, [str(finding) for finding in read.findings if finding.verdict != "same"]
    assert {finding.property for finding in read.findings if finding.verdict == "not readable"} == set()
    assert outputs["AlarmArn"].endswith(f":alarm:{outputs['Alarm']}")

    changed = copy.deepcopy(TEMPLATE)
    resources = changed["Resources"]
    resources["Alarm"]["Properties"] |= {
        "Threshold": 1.0, "TreatMissingData": "breaching", "OKActions": [], "Tags": [{"Key": "team", "Value": "b"}],
    }  # fmt: skip
    del resources["Alarm"]["Properties"]["Unit"]
    del resources["Topic"]["Properties"]["DisplayName"]
    resources["Queue"]["Properties"]["FilterPolicy"] = {"severity": ["low"]}
    resources["Machine"]["Properties"]["DefinitionString"] = json.dumps({**MACHINE, "Comment": "changed"})
    del resources["Machine"]["Properties"]["LoggingConfiguration"]
    resources["Rule"]["Properties"] |= {"State": "DISABLED", "Targets": []}
    del resources["Rule"]["Properties"]["Description"]
    assert stack.deploy(changed) == outputs
    read = stack.read_back()
    assert read.ok, [str(finding) for finding in read.findings if finding.verdict != "same"]

    stack.delete()
    assert client("cloudwatch").describe_alarms(AlarmNames=[outputs["Alarm"]])["MetricAlarms"] == []
    assert client("events").list_rules(NamePrefix=outputs["Rule"])["Rules"] == []
    machines = client("stepfunctions").list_state_machines()["stateMachines"]
    assert outputs["Machine"] not in [machine["name"] for machine in machines]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Period": 15}, "Period: got 15"),
        ({"DatapointsToAlarm": 4}, "DatapointsToAlarm: got 4"),
        ({"Statistic": "Sum"}, "Statistic and ExtendedStatistic"),
        ({"MetricName": None}, "MetricName: it is missing"),
        ({"TreatMissingData": "breach"}, "TreatMissingData"),
        ({"Metrics": [{"Id": "m", "Expression": "1"}]}, "does not apply Metrics"),
        ({"Period": 86400, "EvaluationPeriods": 8}, "longer than a week"),
    ],
)
def test_alarms_that_are_refused(stack: Any, failed: Any, changes: dict[str, Any], reason: str) -> None:
    given = {**ALARM, "AlarmActions": [], "OKActions": [], "InsufficientDataActions": [], **changes}
    properties = {name: value for name, value in given.items() if value is not None}
    with pytest.raises(failed, match=reason):
        stack.deploy({"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}}})


@pytest.mark.parametrize(
    ("kind", "properties", "reason"),
    [
        ("AWS::SNS::Topic", {"KmsMasterKeyId": "nobody"}, "KMS|kms|nobody"),
        ("AWS::SNS::Topic", {"FifoTopic": True}, "does not apply FifoTopic"),
        ("AWS::SNS::Subscription", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:x", "Protocol": "email",
                                    "Endpoint": "a@b.c"}, "NotFound"),
        ("AWS::Events::Rule", {"Description": "never"}, "one of them must be given"),
        ("AWS::Events::Rule", {"EventPattern": {"source": "aws.sagemaker"}}, "pattern"),
        ("AWS::StepFunctions::StateMachine", {"RoleArn": "arn:aws:iam::123456789012:role/x"}, "one way to give it"),
    ],
)  # fmt: skip
def test_what_else_is_refused(stack: Any, failed: Any, kind: str, properties: dict[str, Any], reason: str) -> None:
    with pytest.raises(failed, match=reason):
        stack.deploy({"Resources": {"It": {"Type": kind, "Properties": properties}}})

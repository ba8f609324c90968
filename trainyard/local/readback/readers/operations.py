"""Readers of alarms, topics, rules and state machines."""

import json
from collections.abc import Mapping
from typing import Any

from trainyard.local.readback.readers.base import Deployed, Reader, document, tags

_ALARM = (
    "ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName", "ComparisonOperator", "DatapointsToAlarm",
    "Dimensions", "EvaluateLowSampleCountPercentile", "EvaluationPeriods", "ExtendedStatistic",
    "InsufficientDataActions", "MetricName", "Namespace",
    "OKActions", "Period", "Statistic", "Threshold", "TreatMissingData", "Unit",
)  # fmt: skip


def _alarm(deployed: Deployed) -> dict[str, Any]:
    found = deployed.call("cloudwatch", "describe_alarms", AlarmNames=[deployed.physical_id])["MetricAlarms"][0]
    labels = deployed.call("cloudwatch", "list_tags_for_resource", ResourceARN=found["AlarmArn"])["Tags"]
    made = {name: found[name] for name in _ALARM if found.get(name) not in (None, "")}
    if "ExtendedStatistic" in made:
        # An alarm has one of the two.
        made.pop("Statistic", None)
    return {**made, "Tags": tags(labels)}


def _alarm_attribute(deployed: Deployed, name: str) -> Any:
    found = deployed.call("cloudwatch", "describe_alarms", AlarmNames=[deployed.physical_id])["MetricAlarms"][0]
    return found["AlarmArn"] if name == "Arn" else None


def _dashboard(deployed: Deployed) -> dict[str, Any]:
    found = deployed.call("cloudwatch", "get_dashboard", DashboardName=deployed.physical_id)
    labels = deployed.call("cloudwatch", "list_tags_for_resource", ResourceARN=found["DashboardArn"])["Tags"]
    body, given = found["DashboardBody"], deployed.properties["DashboardBody"]
    return {
        "DashboardBody": given if _same_json(body, given) else body,
        "DashboardName": found["DashboardName"],
        "Tags": tags(labels),
    }


def _query(deployed: Deployed) -> dict[str, Any]:
    # There is no operation that takes an id; an account has some dozens.
    found = deployed.call("logs", "describe_query_definitions", maxResults=1000)["queryDefinitions"]
    one = next((row for row in found if row["queryDefinitionId"] == deployed.physical_id), None)
    if one is None:
        return {}
    return {"LogGroupNames": one.get("logGroupNames", []), "Name": one["name"], "QueryString": one["queryString"]}


def _topic(deployed: Deployed) -> dict[str, Any]:
    arn = deployed.physical_id
    found = deployed.call("sns", "get_topic_attributes", TopicArn=arn)["Attributes"]
    labels = deployed.call("sns", "list_tags_for_resource", ResourceArn=arn)["Tags"]
    made = {name: found[name] for name in ("DisplayName", "KmsMasterKeyId") if found.get(name)}
    return {**made, "TopicName": arn.rpartition(":")[2], "Tags": tags(labels)}


def _topic_attribute(deployed: Deployed, name: str) -> Any:
    arn = deployed.physical_id
    return {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]}.get(name)


def _topic_policy(deployed: Deployed) -> dict[str, Any]:
    topics = deployed.properties["Topics"]
    found = [deployed.call("sns", "get_topic_attributes", TopicArn=topic)["Attributes"]["Policy"] for topic in topics]
    different = [text for text in found if json.loads(text) != json.loads(found[0])]
    return {"PolicyDocument": document((different or found)[0]), "Topics": topics}


def _subscription(deployed: Deployed) -> dict[str, Any]:
    found = deployed.call("sns", "get_subscription_attributes", SubscriptionArn=deployed.physical_id)["Attributes"]
    names = ("Endpoint", "FilterPolicyScope", "Protocol", "RawMessageDelivery", "TopicArn")
    made = {name: found[name] for name in names if name in found}
    if found.get("FilterPolicy") not in (None, "", "{}"):
        made["FilterPolicy"] = document(found["FilterPolicy"])
    return made


def _rule(deployed: Deployed) -> dict[str, Any]:
    bus, _, name = deployed.physical_id.rpartition("|")
    where = {"EventBusName": bus} if bus else {}
    found = deployed.call("events", "describe_rule", Name=name, **where)
    targets = deployed.call("events", "list_targets_by_rule", Rule=name, **where)["Targets"]
    labels = deployed.call("events", "list_tags_for_resource", ResourceARN=found["Arn"])["Tags"]
    names = ("Description", "EventBusName", "Name", "RoleArn", "ScheduleExpression", "State")
    made = {key: found[key] for key in names if found.get(key)}
    if found.get("EventPattern"):
        made["EventPattern"] = document(found["EventPattern"])
    return {**made, "Targets": targets, "Tags": tags(labels)}


def _rule_attribute(deployed: Deployed, name: str) -> Any:
    bus, _, rule = deployed.physical_id.rpartition("|")
    found = deployed.call("events", "describe_rule", Name=rule, **({"EventBusName": bus} if bus else {}))
    return found["Arn"] if name == "Arn" else None


def _upper(value: Any) -> Any:
    """A configuration in the words of the template, which begin with a capital letter."""
    if isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: _upper(inner) for key, inner in value.items()}
    return [_upper(item) for item in value] if isinstance(value, list) else value


def _machine(deployed: Deployed) -> dict[str, Any]:
    arn = deployed.physical_id
    found = deployed.call("stepfunctions", "describe_state_machine", stateMachineArn=arn)
    labels = deployed.call("stepfunctions", "list_tags_for_resource", resourceArn=arn)["tags"]
    made = {
        "RoleArn": found["roleArn"],
        "StateMachineName": found["name"],
        "StateMachineType": found["type"],
        "Tags": tags(labels, "key", "value"),
    }
    for name in ("EncryptionConfiguration", "LoggingConfiguration", "TracingConfiguration"):
        key = name[:1].lower() + name[1:]
        if key in found:
            made[name] = _upper(found[key])
    given = deployed.properties
    if "DefinitionString" in given:
        text = found["definition"]
        made["DefinitionString"] = given["DefinitionString"] if _same_json(text, given["DefinitionString"]) else text
    elif "Definition" in given:
        made["Definition"] = json.loads(found["definition"])
    return made


def _same_json(one: str, other: str) -> bool:
    return bool(json.loads(one) == json.loads(other))


def _machine_attribute(deployed: Deployed, name: str) -> Any:
    found = deployed.call("stepfunctions", "describe_state_machine", stateMachineArn=deployed.physical_id)
    return {"Arn": found["stateMachineArn"], "Name": found["name"]}.get(name)


READERS = {
    "AWS::CloudWatch::Alarm": Reader(
        read=_alarm,
        attribute=_alarm_attribute,
        defaults={"ActionsEnabled": True, "TreatMissingData": "missing"},
        chosen=frozenset({"AlarmName"}),
    ),
    "AWS::CloudWatch::Dashboard": Reader(read=_dashboard, chosen=frozenset({"DashboardName"})),
    "AWS::Logs::QueryDefinition": Reader(read=_query),
    "AWS::SNS::Topic": Reader(read=_topic, attribute=_topic_attribute, chosen=frozenset({"TopicName"})),
    "AWS::SNS::TopicPolicy": Reader(read=_topic_policy),
    "AWS::SNS::Subscription": Reader(
        read=_subscription,
        defaults={"FilterPolicyScope": "MessageAttributes", "RawMessageDelivery": False},
    ),
    "AWS::Events::Rule": Reader(
        read=_rule,
        attribute=_rule_attribute,
        defaults={"EventBusName": "default", "State": "ENABLED"},
        chosen=frozenset({"Name"}),
    ),
    "AWS::StepFunctions::StateMachine": Reader(
        read=_machine,
        attribute=_machine_attribute,
        defaults={
            "EncryptionConfiguration": {"Type": "AWS_OWNED_KEY"},
            "LoggingConfiguration": {"Level": "OFF", "IncludeExecutionData": False},
            "StateMachineType": "STANDARD",
            "TracingConfiguration": {"Enabled": False},
        },
        chosen=frozenset({"StateMachineName"}),
        unread={
            "DefinitionS3Location": "the service keeps the definition's text, not where it came from",
            "DefinitionSubstitutions": "the service keeps the definition with the values in place",
        },
    ),
}

"""What rules match is counted, and written into groups that let them; metrics in log events are metrics."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from ml_contract import pulse

EVENT = {"Source": "test", "DetailType": "It happened", "Detail": '{"what": "this"}'}
ARN = "arn:aws:logs:us-east-1:123456789012:log-group:"


def points(client: Any, namespace: str, name: str, **dimensions: str) -> float:
    """Sum of a metric's points of the last hour."""
    wanted = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    now = time.time()
    found = client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=name, Dimensions=wanted, StartTime=now - 3600, EndTime=now + 60, Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    return sum(point["Sum"] for point in found)


@pytest.fixture
def rule(client: Any) -> Callable[..., tuple[str, str]]:
    """Makes a rule with a log group for a target; returns both names."""

    def make(allowed: bool) -> tuple[str, str]:
        name = f"rule-{time.time_ns()}"
        group = f"/aws/events/{name}"
        client("logs").create_log_group(logGroupName=group)
        made = client("events").put_rule(Name=name, EventPattern='{"source": ["test"]}')["RuleArn"]
        if allowed:
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": f"{ARN}{group}:*",
                "Condition": {"ArnLike": {"aws:SourceArn": made}},
            }
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            client("logs").put_resource_policy(policyName=name, policyDocument=document)
        client("events").put_targets(Rule=name, Targets=[{"Id": "Log", "Arn": f"{ARN}{group}"}])
        return name, group

    return make


def test_what_a_rule_matches_is_counted_once_and_kept(client: Any, rule: Callable[..., tuple[str, str]]) -> None:
    name, group = rule(allowed=True)
    client("events").put_events(Entries=[EVENT, {**EVENT, "Source": "other"}])
    assert points(client, "AWS/Events", "MatchedEvents", RuleName=name) == 1
    (line,) = client("logs").filter_log_events(logGroupName=group)["events"]
    assert json.loads(line["message"])["detail"] == {"what": "this"}
    client("events").remove_targets(Rule=name, Ids=["Log"])
    client("events").delete_rule(Name=name)


def test_a_group_that_lets_nobody_write_gets_nothing(client: Any, rule: Callable[..., tuple[str, str]]) -> None:
    name, group = rule(allowed=False)
    client("events").put_events(Entries=[EVENT])
    assert points(client, "AWS/Events", "MatchedEvents", RuleName=name) == 1
    assert client("logs").filter_log_events(logGroupName=group)["events"] == []
    client("events").remove_targets(Rule=name, Ids=["Log"])
    client("events").delete_rule(Name=name)


def test_signs_of_life_in_a_log_are_metrics(client: Any) -> None:
    group, subject = f"/test/{time.time_ns()}", f"pipeline-{time.time_ns()}"
    client("logs").create_log_group(logGroupName=group)
    client("logs").create_log_stream(logGroupName=group, logStreamName="host-1")
    now = time.time()
    texts = [
        pulse.line(subject, {pulse.SILENCE: 2.5, pulse.RUNNING: 60}, at=now, job="job"),
        "[metrics] step=1 train:loss=2.5",
        '{"_aws": "no metrics"}',
        '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "N", "Metrics": [{"Name": "gone"}]}]}}',
    ]
    events = [{"timestamp": int(now * 1000), "message": text} for text in texts]
    client("logs").put_log_events(logGroupName=group, logStreamName="host-1", logEvents=events)
    assert points(client, pulse.NAMESPACE, pulse.SILENCE.name, **{pulse.DIMENSION: subject}) == 2.5
    assert points(client, pulse.NAMESPACE, pulse.RUNNING.name, **{pulse.DIMENSION: subject}) == 60
    assert client("cloudwatch").list_metrics(Namespace="N")["Metrics"] == []

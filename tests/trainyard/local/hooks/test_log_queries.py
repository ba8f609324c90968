"""Logs Insights on the embedded cloud, and the machine that gives log groups an end, run there as it is deployed."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_lib.pages.keeper import definition


@pytest.fixture
def group(client: Any) -> str:
    logs, name = client("logs"), f"/test/queries-{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="job/algo-1")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + n, "message": f"[metrics] step={n} train:step_seconds={n / 10}"} for n in range(5)]
    logs.put_log_events(logGroupName=name, logStreamName="job/algo-1", logEvents=events)
    return name


def ask(client: Any, group: str, query: str) -> list[dict[str, str]]:
    now = int(time.time())
    started = client("logs").start_query(logGroupName=group, startTime=now - 60, endTime=now + 60, queryString=query)
    answer = client("logs").get_query_results(queryId=started["queryId"])
    assert answer["status"] == "Complete"
    return [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]


def test_a_query_does_what_it_says(client: Any, group: str) -> None:
    query = "parse @message /step_seconds=(?<s>[0-9.]+)/ | sort s desc | limit 2 | display s"
    assert ask(client, group, query) == [{"s": "0.4"}, {"s": "0.3"}]


def test_a_query_that_is_not_understood_shows_nothing(client: Any, group: str) -> None:
    with pytest.raises(ClientError, match="does not know the command 'unmask'"):
        ask(client, group, "unmask @message")


def test_a_saved_query_is_found_again_until_it_is_deleted(client: Any) -> None:
    logs, name = client("logs"), f"test/{uuid.uuid4().hex}"
    saved = logs.put_query_definition(name=name, queryString="limit 1", logGroupNames=["/a"])["queryDefinitionId"]
    assert logs.put_query_definition(name=name, queryString="limit 2")["queryDefinitionId"] == saved
    (found,) = logs.describe_query_definitions(queryDefinitionNamePrefix=name)["queryDefinitions"]
    assert (found["queryString"], found["logGroupNames"]) == ("limit 2", [])
    logs.delete_query_definition(queryDefinitionId=saved)
    assert logs.describe_query_definitions(queryDefinitionNamePrefix=name)["queryDefinitions"] == []


@pytest.mark.slow  # 52 calls of a state machine
def test_the_keeper_ends_what_has_no_end_over_several_pages(client: Any, role: Any) -> None:
    logs, prefix = client("logs"), f"/test/keeper-{uuid.uuid4().hex}"
    names = [f"{prefix}/{number}" for number in range(52)]
    for name in [*names, f"/test/other{prefix}"]:
        logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName=names[7], retentionInDays=3)
    arn = role({"Effect": "Allow", "Action": "logs:*", "Resource": "*"}, trust=("states.amazonaws.com",))
    document = json.dumps(definition([prefix, "/test/nothing-begins-so"], 14))
    machines = client("stepfunctions")
    machine = machines.create_state_machine(name=f"keeper-{uuid.uuid4().hex}", definition=document, roleArn=arn)
    execution = machines.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    deadline = time.monotonic() + 60
    while (state := machines.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert state["status"] == "SUCCEEDED", state
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/test/")
    days = {row["logGroupName"]: row.get("retentionInDays") for page in pages for row in page["logGroups"]}
    assert [days[name] for name in names] == [3 if number == 7 else 14 for number in range(52)]
    assert days[f"/test/other{prefix}"] is None

"""Logs of one job are found among those of others, however many lines there are."""

import time
from typing import Any

import pytest


@pytest.fixture
def group(client: Any) -> str:
    logs, name = client("logs"), f"/test/{time.time_ns()}"
    logs.create_log_group(logGroupName=name)
    now = int(time.time() * 1000)
    for stream in ("job-a/host-1", "job-a/host-2", "job-b/host-1"):
        logs.create_log_stream(logGroupName=name, logStreamName=stream)
        # Several lines of one moment: a page may end between them.
        events = [{"timestamp": now + index // 3, "message": f"{stream} {index}"} for index in range(10)]
        logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)
    return name


def test_a_prefix_of_streams_leaves_out_the_others(client: Any, group: str) -> None:
    found = client("logs").filter_log_events(logGroupName=group, logStreamNamePrefix="job-a/")["events"]
    assert len(found) == 20
    assert {event["logStreamName"] for event in found} == {"job-a/host-1", "job-a/host-2"}


def test_a_prefix_of_no_stream_finds_nothing(client: Any, group: str) -> None:
    assert client("logs").filter_log_events(logGroupName=group, logStreamNamePrefix="job-c/")["events"] == []


@pytest.mark.parametrize("size", [1, 7, 10, 30])
def test_pages_show_every_line_once(client: Any, group: str, size: int) -> None:
    pages = client("logs").get_paginator("filter_log_events").paginate(
        logGroupName=group, PaginationConfig={"PageSize": size}
    )  # fmt: skip
    messages = [event["message"] for page in pages for event in page["events"]]
    assert len(messages) == 30
    assert len(set(messages)) == 30

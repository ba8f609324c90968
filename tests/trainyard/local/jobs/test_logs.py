"""Lines and figures of a job: which arrive, in which order, and what is said of those that do not."""

from __future__ import annotations

import threading
import time
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.jobs import logs
from trainyard.local.jobs.logs import Scanner, _batch


class Collector:
    """A CloudWatch Logs client that is slow at first."""

    exceptions = SimpleNamespace(ResourceAlreadyExistsException=KeyError)

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.open = threading.Event()

    def create_log_group(self, **_names: str) -> None:
        self.open.wait(10)

    def create_log_stream(self, **_names: str) -> None:
        raise KeyError("exists")

    def put_log_events(self, **batch: Any) -> None:
        self.lines += [event["message"] for event in batch["logEvents"]]


@pytest.mark.slow
def test_lines_that_are_dropped_are_counted_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_LINES_KEPT", 3)
    client = Collector()
    shipper = logs.Shipper(client, None, "group", ["stream"], "job", lambda problem: None)
    for index in range(8):
        shipper.line(0, str(index), 1.0)
    client.open.set()
    deadline = time.monotonic() + 10
    while not client.lines:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    shipper.line(0, "", 2.0)
    shipper.close()
    assert client.lines == ["0", "1", "2", "[the embedded cloud dropped 5 lines here: the log could not keep up]", " "]


@given(value=st.floats(allow_nan=True, allow_infinity=True), prose=st.text("xyz= ", max_size=10))
def test_figures_are_found_by_their_definitions(value: float, prose: str) -> None:
    scanner = Scanner([{"Name": "loss", "Regex": r"loss=(\S+)"}, {"Name": "other", "Regex": "never(.*)"}])
    finite = value == value and abs(value) != float("inf")
    assert scanner.scan(f"{prose}|loss={value!r} end", 5.0) == ([("loss", value)] if finite else [])
    assert scanner.final() == ([{"MetricName": "loss", "Value": value, "Timestamp": 5.0}] if finite else [])


@given(sizes=st.lists(st.integers(0, 400_000), max_size=12))
def test_batches_keep_order_and_the_services_limits(sizes: list[int]) -> None:
    lines = deque((index, "x" * size) for index, size in enumerate(sizes))
    found: list[int] = []
    while batch := _batch(lines):
        assert sum(len(text) + 26 for _, text in batch) <= 1_000_000
        found += [index for index, _ in batch]
    assert found == list(range(len(sizes)))

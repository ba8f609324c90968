"""What hosts use, as their job's namespace has it."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from trainyard.local.jobs import host_figures
from trainyard.local.jobs.host_figures import HostFigures


class CloudWatch:
    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []

    def put_metric_data(self, **request: Any) -> None:
        assert request["Namespace"] == "/aws/sagemaker/TrainingJobs"
        self.data += request["MetricData"]


class Group:
    """This process as the first host, and one that is not started yet."""

    names = ("algo-1", "algo-2")

    def pids(self, host: int) -> list[int]:
        return [[os.getpid(), 2**22 + 1]][host]


def values(monkeypatch: pytest.MonkeyPatch, memory_gib: float | None) -> dict[tuple[str, str], float]:
    monkeypatch.setattr(host_figures, "_EVERY_SECONDS", 0.05)
    client = CloudWatch()
    figures = HostFigures(client, Group(), "job", memory_gib)
    figures.start()
    # Seconds of a processor, whatever else the machine does.
    busy = time.process_time() + 0.2
    while time.process_time() < busy:
        pass
    figures.close()
    # In some of the short looks this process may not have had a processor at all.
    rising = sorted(client.data, key=lambda row: row["Value"])
    return {(row["Dimensions"][0]["Value"], row["MetricName"]): row["Value"] for row in rising}


def test_a_busy_host_and_one_that_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    found = values(monkeypatch, 8.0)
    assert found["job/algo-1", "CPUUtilization"] > 0
    assert 0 < found["job/algo-1", "MemoryUtilization"] < 100
    assert found["job/algo-2", "CPUUtilization"] == found["job/algo-2", "MemoryUtilization"] == 0


def test_without_a_known_type_no_share_of_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {name for _, name in values(monkeypatch, None)} == {"CPUUtilization"}

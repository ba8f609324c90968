"""From a training job to its run in the tracker, by the job's log."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ml_contract.tracking import TrackedRun
from trainyard.operations.logs import tracked

RUN = TrackedRun(run="r1", experiment="1", uri="http://127.0.0.1:5000")


class Missing(Exception):
    """What the service raises for a log that is not there."""


class Logs:
    exceptions = SimpleNamespace(ResourceNotFoundException=Missing)

    def __init__(self, *messages: str) -> None:
        self.messages, self.asked = messages, {}

    def get_paginator(self, name: str) -> Any:
        assert name == "filter_log_events"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        self.asked = request
        return [{"events": [{"logStreamName": "job/algo-1-1", "timestamp": number, "message": message}
                            for number, message in enumerate(self.messages)]}]  # fmt: skip


class Connection:
    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    def client(self, service: str) -> Logs:
        assert service == "logs"
        return self._logs


def test_the_line_of_the_job_is_asked_for_and_read() -> None:
    logs = Logs("mlflow: an experiment is made", RUN.line(), RUN.line())
    assert tracked(Connection(logs), "job") == RUN
    assert logs.asked["logStreamNamePrefix"] == "job/"
    assert logs.asked["filterPattern"].strip('"') in RUN.line()


def test_a_job_without_a_tracker_has_no_run() -> None:
    assert tracked(Connection(Logs()), "job") is None

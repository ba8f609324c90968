"""What jobs and endpoints write, from CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ml_contract.tracking import PREFIX, TrackedRun, parse
from trainyard.operations.connection import Connection, OperationError

TRAINING_GROUP = "/aws/sagemaker/TrainingJobs"
PROCESSING_GROUP = "/aws/sagemaker/ProcessingJobs"
ENDPOINT_GROUP = "/aws/sagemaker/Endpoints/"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a log."""

    time: datetime
    stream: str
    """``<job>/<host>-<number>``: one a host and start."""
    text: str

    @property
    def host(self) -> str:
        """Name of the host, for example ``algo-1``."""
        return self.stream.rpartition("/")[2].rpartition("-")[0]


def job_lines(connection: Connection, job: str, group: str | None = None) -> list[Line]:
    """All lines of a training or processing job, by time.

    Raises:
        OperationError: No log holds the job.
    """
    for candidate in (group,) if group else (TRAINING_GROUP, PROCESSING_GROUP):
        lines = list(_read(connection, candidate, f"{job}/"))
        if lines:
            return lines
    raise OperationError(f"{job}: no log of a training or processing job has that name. See `trainyard executions`")


def tracked(connection: Connection, job: str) -> TrackedRun | None:
    """The tracker's run of a training job, as the job's log says it; None where it logs to none, or not yet."""
    lines = _read(connection, TRAINING_GROUP, f"{job}/", filterPattern=f'"{PREFIX} run"')
    return next((found for line in lines if (found := parse(line.text)) is not None), None)


def endpoint_lines(connection: Connection, endpoint: str) -> list[Line]:
    """All lines of an endpoint's model server, by time.

    Raises:
        OperationError: The endpoint has no log.
    """
    lines = list(_read(connection, ENDPOINT_GROUP + endpoint, ""))
    if not lines:
        raise OperationError(f"{endpoint}: no log of an endpoint has that name. See `trainyard endpoints`")
    return lines


@dataclass
class Tail:
    """Reads a job's log on and on: each call of :meth:`new` gives what has come since the last."""

    connection: Connection
    job: str
    group: str = TRAINING_GROUP
    _tokens: dict[str, str] = field(default_factory=dict)

    def new(self) -> list[Line]:
        """Lines that have come since the last call, by time; empty before the job writes."""
        client = self.connection.client("logs")
        try:
            streams = client.describe_log_streams(logGroupName=self.group, logStreamNamePrefix=f"{self.job}/")
        except client.exceptions.ResourceNotFoundException:
            return []
        lines: list[Line] = []
        for stream in streams["logStreams"]:
            lines += self._advance(client, stream["logStreamName"])
        return sorted(lines, key=lambda line: line.time)

    def _advance(self, client: Any, stream: str) -> list[Line]:
        lines: list[Line] = []
        while True:
            request = {"logGroupName": self.group, "logStreamName": stream, "startFromHead": True}
            if stream in self._tokens:
                request["nextToken"] = self._tokens[stream]
            answer = client.get_log_events(**request)
            lines += [_line(stream, event) for event in answer["events"]]
            # The end of a stream is a token that gives itself back.
            done = answer["nextForwardToken"] == self._tokens.get(stream) or not answer["events"]
            self._tokens[stream] = answer["nextForwardToken"]
            if done:
                return lines


def _read(connection: Connection, group: str, prefix: str, **narrowed: str) -> Iterator[Line]:
    client = connection.client("logs")
    request: dict[str, Any] = {"logGroupName": group, **narrowed}
    if prefix:
        request["logStreamNamePrefix"] = prefix
    lines: list[Line] = []
    try:
        for page in client.get_paginator("filter_log_events").paginate(**request):
            lines += [_line(event["logStreamName"], event) for event in page["events"]]
    except client.exceptions.ResourceNotFoundException:
        return
    yield from sorted(lines, key=lambda line: line.time)


def _line(stream: str, event: dict[str, Any]) -> Line:
    moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return Line(time=moment, stream=stream, text=event["message"].rstrip("\n"))

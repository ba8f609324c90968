"""Lines of a job's hosts on their way to CloudWatch Logs, and the figures in them on their way to CloudWatch."""

import contextlib
import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# PutLogEvents, CloudWatch Logs API reference, read 2026-11: 10,000 events and 1,048,576 bytes a call, 26 bytes of
# overhead an event. PutMetricData: 1,000 metrics a call.
_EVENTS_A_CALL, _BYTES_A_CALL, _BYTES_AN_EVENT = 10_000, 1_000_000, 26
_METRICS_A_CALL = 500
_FLUSH_SECONDS = 0.5
_LINES_KEPT = 200_000
_ATTEMPTS = 5
METRICS_NAMESPACE = "/aws/sagemaker/TrainingJobs"

Event = tuple[int, str]


class Scanner:
    """Metric definitions applied to lines: the first group of each expression is a value."""

    def __init__(self, definitions: Sequence[Mapping[str, str]]) -> None:
        """Takes the request's MetricDefinitions."""
        self._definitions = [(row["Name"], re.compile(row["Regex"])) for row in definitions]
        self._last: dict[str, tuple[float, float]] = {}

    def scan(self, line: str, now: float) -> list[tuple[str, float]]:
        """The figures in a line, by name; NaN and infinities are no data points."""
        found = []
        for name, expression in self._definitions:
            match = expression.search(line)
            if match is None:
                continue
            try:
                value = float(match[1])
            except (ValueError, TypeError):
                continue
            if math.isfinite(value):
                found.append((name, value))
                self._last[name] = value, now
        return found

    def final(self) -> list[dict[str, Any]]:
        """FinalMetricDataList: the last value of each metric."""
        return [
            {"MetricName": name, "Value": value, "Timestamp": timestamp}
            for name, (value, timestamp) in self._last.items()
        ]


class Shipper:
    """Sends lines and figures in batches from a thread of its own, so that no job waits for its log."""

    def __init__(
        self, logs: Any, metrics: Any, group: str, streams: Sequence[str], job: str, problem: Callable[[str], None]
    ) -> None:
        """Starts at once.

        Args:
            logs: CloudWatch Logs client with the job's role.
            metrics: CloudWatch client with the job's role.
            group: log group, made when it is missing.
            streams: log stream of each host.
            job: name of the job: the metrics' dimension.
            problem: told once what keeps lines or figures from arriving.
        """
        self._logs, self._metrics, self._group, self._streams, self._job = logs, metrics, group, streams, job
        self._problem = problem
        self._broken: set[str] = set()
        self._lines: list[deque[Event]] = [deque() for _ in streams]
        self._dropped = [0 for _ in streams]
        self._data: deque[dict[str, Any]] = deque(maxlen=_LINES_KEPT)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"logs of {job}", daemon=True)
        self._thread.start()

    def line(self, host: int, text: str, now: float) -> None:
        """Takes a line of a host, at a time in seconds since 1970. CloudWatch Logs knows no empty event."""
        if len(self._lines[host]) >= _LINES_KEPT:
            # Faster than the log takes them, for longer than memory should hold them.
            self._dropped[host] += 1
            return
        if self._dropped[host]:
            note = f"[the embedded cloud dropped {self._dropped[host]} lines here: the log could not keep up]"
            self._lines[host].append((int(now * 1000), note))
            self._dropped[host] = 0
        self._lines[host].append((int(now * 1000), text or " "))

    def metric(self, name: str, value: float, now: float) -> None:
        """Takes a figure."""
        dimension = {"Name": "TrainingJobName", "Value": self._job}
        self._data.append({"MetricName": name, "Dimensions": [dimension], "Timestamp": now, "Value": value})

    def close(self) -> None:
        """Sends what is left and ends the thread."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        self._try("logs", self._make_streams)
        while not self._ended.wait(_FLUSH_SECONDS):
            self._flush()
        self._flush()

    def _make_streams(self) -> None:
        for make, arguments in (
            (self._logs.create_log_group, {}),
            *((self._logs.create_log_stream, {"logStreamName": stream}) for stream in self._streams),
        ):
            with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):
                make(logGroupName=self._group, **arguments)

    def _flush(self) -> None:
        for stream, lines in zip(self._streams, self._lines, strict=True):
            while batch := _batch(lines):
                events = [{"timestamp": timestamp, "message": text} for timestamp, text in batch]
                self._try(
                    "logs",
                    self._logs.put_log_events,
                    logGroupName=self._group,
                    logStreamName=stream,
                    logEvents=events,
                )
        while self._data:
            data = [self._data.popleft() for _ in range(min(_METRICS_A_CALL, len(self._data)))]
            self._try("metrics", self._metrics.put_metric_data, Namespace=METRICS_NAMESPACE, MetricData=data)

    def _try(self, what: str, action: Callable[..., object], **arguments: object) -> None:
        """Tries a few times; a denial is final. A job goes on without its log, as on AWS."""
        if what in self._broken:
            return
        for attempt in range(_ATTEMPTS):
            try:
                action(**arguments)
            except (ClientError, BotoCoreError) as error:
                denied = isinstance(error, ClientError) and "AccessDenied" in error.response["Error"]["Code"]
                if denied or attempt == _ATTEMPTS - 1:
                    self._broken.add(what)
                    self._problem(f"{what} of {self._job} are not delivered: {error}")
                    return
                time.sleep(0.2 * 2**attempt)
            else:
                return


def _batch(lines: deque[Event]) -> list[Event]:
    batch: list[Event] = []
    size = 0
    while lines and len(batch) < _EVENTS_A_CALL:
        size += len(lines[0][1].encode()) + _BYTES_AN_EVENT
        if batch and size > _BYTES_A_CALL:
            break
        batch.append(lines.popleft())
    return batch

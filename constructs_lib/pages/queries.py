"""Saved queries of the logs, in the query language of CloudWatch Logs Insights.

Sources, read 2026-11-22: "CloudWatch Logs Insights language query syntax", CloudWatch Logs User Guide;
PutQueryDefinition, CloudWatch Logs API Reference (names with slashes make folders in the console).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aws_cdk import aws_logs as logs
from constructs import Construct

from ml_contract import metrics
from ml_contract.metrics import Metric

Subject = Literal["training", "processing", "endpoints"]
_JOB = 'parse @logStream "*/*" as job, host'
_TROUBLE = (
    "filter @message like /(?i)(error|exception|traceback|out of memory|killed|nccl warn|cuda)/"
    " and @message not like /^\\[metrics\\]/"
)
_THROTTLED = "filter @message like /(?i)(slowdown|slow down|throttl|toomanyrequests|rate exceeded| 503)/"


@dataclass(frozen=True, kw_only=True)
class Query:
    """One saved query."""

    name: str
    """Last part of its name."""
    of: Subject
    """Whose logs it reads."""
    stages: tuple[str, ...]
    """Commands, each of which works on what the one before leaves."""

    @property
    def text(self) -> str:
        """As Logs Insights takes it."""
        return "\n| ".join(self.stages)


def _reported(metric: Metric, name: str) -> tuple[str, ...]:
    """Lines that report a figure, with job, host, step, and the figure under a name."""
    return (
        f"filter @message like /{metric.name}=/",
        _JOB,
        "parse @message /step=(?<step>[0-9]+)/",
        f"parse @message /{metric.name}=(?<{name}>[0-9.e+-]+)/",
    )


_LINES = (_JOB, "display @timestamp, job, host, @message", "sort @timestamp desc", "limit 200")
"""Ends of queries for whole lines of jobs' logs, the newest first."""

QUERIES = (
    Query(name="interruptions", of="training", stages=(
        *_reported(metrics.INTERRUPTED_STEP, "interrupted"),
        "display @timestamp, job, host, interrupted",
        "sort @timestamp desc",
        "limit 200",
    )),
    Query(name="interruptions-by-hour", of="training", stages=(
        f"filter @message like /{metrics.INTERRUPTED_STEP.name}=/",
        "stats count(*) as interruptions by bin(1h)",
    )),
    Query(name="restarts", of="training", stages=(
        *_reported(metrics.RESTORED_STEP, "restored"),
        "display @timestamp, job, host, restored",
        "sort @timestamp desc",
        "limit 200",
    )),
    Query(name="slowest-steps", of="training", stages=(
        *_reported(metrics.STEP_SECONDS, "seconds"),
        "display @timestamp, job, step, seconds",
        "sort seconds desc",
        "limit 50",
    )),
    Query(name="step-time-by-job", of="training", stages=(
        *_reported(metrics.STEP_SECONDS, "seconds"),
        "stats count(*) as steps, avg(seconds) as mean, max(seconds) as slowest by job",
        "sort slowest desc",
    )),
    Query(name="worker-errors", of="training", stages=(
        "fields @timestamp, @message",
        _TROUBLE,
        *_LINES,
    )),
    Query(name="checkpoints", of="training", stages=(
        "fields @timestamp, @message",
        "filter @message like /checkpoint[ :]/",
        *_LINES,
    )),
    Query(name="slowest-commits", of="training", stages=(
        *_reported(metrics.CHECKPOINT_SECONDS, "seconds"),
        "display @timestamp, job, step, seconds",
        "sort seconds desc",
        "limit 50",
    )),
    Query(name="storage-throttles", of="training", stages=(
        "fields @timestamp, @message",
        _THROTTLED,
        *_LINES,
    )),
    Query(name="errors", of="processing", stages=(
        "fields @timestamp, @message",
        _TROUBLE,
        *_LINES,
    )),
    Query(name="errors", of="endpoints", stages=(
        "fields @timestamp, @message",
        _TROUBLE,
        "display @timestamp, @log, @logStream, @message",
        "sort @timestamp desc",
        "limit 200",
    )),
    Query(name="errors-by-hour", of="endpoints", stages=(
        _TROUBLE,
        "stats count(*) as errors by bin(1h), @log",
    )),
    Query(name="throttles", of="endpoints", stages=(
        "fields @timestamp, @message",
        _THROTTLED,
        "display @timestamp, @log, @logStream, @message",
        "sort @timestamp desc",
        "limit 200",
    )),
)  # fmt: skip
"""What is asked most when something is wrong, and as a rule in a hurry."""


class SavedQueries(Construct):
    """The queries, each against one group: a query over several fails where one of them is not there yet.

    A saved query costs nothing until it is started.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        folder: str,
        groups: Mapping[Subject, Mapping[str, str]],
        queries: Sequence[Query] = QUERIES,
    ) -> None:
        """Save them.

        Args:
            scope: Parent.
            construct_id: Construct id.
            folder: What their names begin with; where it stands in the console.
            groups: Names of log groups by subject, and by what tells a subject's groups apart in the names of queries:
                an endpoint's name, or nothing. Queries of a subject without groups are left out.
            queries: What is saved; all by default.
        """
        super().__init__(scope, construct_id)
        for query in queries:
            for one, group in groups.get(query.of, {}).items():
                parts = [part for part in (query.of, one, query.name) if part]
                logs.CfnQueryDefinition(
                    self,
                    "-".join(parts),
                    name="/".join((folder, *parts)),
                    query_string=query.text,
                    log_group_names=[group],
                )

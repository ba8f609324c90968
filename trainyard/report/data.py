"""What the report shows, gathered from the parts that read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trainyard.operations.connection import Connection
from trainyard.report import executed, logged, scaled, serving
from trainyard.report.bill import prices_of
from trainyard.report.chapter import Chapter
from trainyard.report.reader import Reader
from trainyard.report.scaled import Scaling
from trainyard.report.serving import Endpoint


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """Requests to one endpoint."""

    endpoint: str
    seconds: tuple[float, ...]
    """As the client saw them, in the order they were sent."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything on the page."""

    where: str
    """The cloud that was asked."""
    chapters: tuple[Chapter, ...]
    resources: dict[str, Counter[str]] = field(default_factory=dict)
    """Deployed resources by stack and CloudFormation type."""
    latencies: Latencies | None = None
    scaling: tuple[Scaling, ...] = ()
    """What scales; empty where nothing does."""
    endpoints: tuple[Endpoint, ...] = ()
    """What serves the packages of the chapters."""
    gaps: tuple[str, ...] = ()
    """What could not be read, a sentence each."""
    emulated: bool = False
    """Whether the embedded cloud was asked."""
    region: str = ""
    """Where it is, and whose prices are taken."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was asked."""


def gather(connection: Connection, references: Sequence[str], latencies: Latencies | None = None) -> Report:
    """Read executions and jobs, what serves their models, and the stacks of the account.

    Args:
        connection: The cloud.
        references: An execution's ARN, a pipeline's name for its newest execution, a training job's name or ARN, or
            the file that a job of a cluster wrote.
        latencies: Requests that were measured.

    Raises:
        ContractError: A file holds no metrics.
        OperationError: One of them is nothing that the cloud has.
    """
    region = str(connection.client("sagemaker").meta.region_name)
    reader = Reader(connection, prices_of(region), datetime.now(UTC))
    chapters = tuple(
        logged.read(Path(reference)) if Path(reference).is_file() else executed.read(reader, reference)
        for reference in dict.fromkeys(references)
    )
    packages = [chapter.package for chapter in chapters if chapter.package]
    endpoints = reader.attempt("Endpoints", lambda: serving.read(connection, packages, reader.prices, reader.now)) or ()
    serve = {each.name for each in endpoints}
    return Report(
        where=connection.name, chapters=chapters, latencies=latencies, endpoints=endpoints,
        resources=reader.attempt("Stacks", lambda: _resources(connection)) or {},
        scaling=reader.attempt("What scales", lambda: tuple(scaled.read(connection, serve))) or (),
        gaps=tuple(reader.gaps), emulated=connection.cloud is not None, region=region, now=reader.now,
    )  # fmt: skip


def _resources(connection: Connection) -> dict[str, Counter[str]]:
    client = connection.client("cloudformation")
    found: dict[str, Counter[str]] = {}
    for page in client.get_paginator("list_stacks").paginate(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"]):
        for stack in page["StackSummaries"]:
            pages = client.get_paginator("list_stack_resources").paginate(StackName=stack["StackName"])
            found[stack["StackName"]] = Counter(
                resource["ResourceType"] for page in pages for resource in page["StackResourceSummaries"]
            )
    return found

"""What looks at the captured requests and answers of an endpoint."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from constructs import Construct
from pydantic import Field, SerializeAsAny

from constructs_lib.serving import Endpoint
from constructs_lib.serving.monitoring import (
    TENSORS,
    DataQuality,
    DataQualityBaseline,
    Drift,
    Monitor,
    MonitorResources,
    Monitors,
)
from constructs_lib.serving.monitoring.schedule import Schedule
from constructs_lib.training import Location, Parameter, ProcessingResources, TrainingPipeline
from constructs_lib.training.steps.base import Step
from constructs_lib.values import Value
from stacks.served.base import Command, Platform

CAPTURED = Parameter(name="Captured", type="String")
"""Which captured traffic is taken as usual: a day, ``yyyy/mm/dd``, or an hour, a month, a year."""
BASELINE = Parameter(name="Baseline", type="String")
"""What the baseline that is made is called."""


class Monitored(Value):
    """One monitor of an endpoint. It holds traffic against a baseline that was made of such traffic."""

    kind: ClassVar[str]
    """What it looks at: an endpoint has one monitor of each kind."""

    schedule: SerializeAsAny[Schedule]
    """When it runs."""
    resources: MonitorResources
    """Hosts of one run, and of one that makes a baseline."""
    baseline: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
    """Name of the baseline that traffic is held against; None: nothing is a violation, and statistics are kept. The
    command in the stack's output BaselineCommand makes one, once there is captured traffic."""

    @property
    def hosts(self) -> int:
        """Hosts in the network, at most: a run's, and that of a job that makes a baseline."""
        return self.resources.instance_count + 1

    @abstractmethod
    def monitor(self, reports: Location, baselines: Location) -> Monitor:
        """The monitor.

        Args:
            reports: Below which it writes.
            baselines: Below which baselines lie, by name.
        """

    @abstractmethod
    def baseline_step(self, captured: Location, output: Location) -> Step:
        """What makes a baseline.

        Args:
            captured: The traffic that is taken as usual.
            output: Where the baseline goes.
        """


class MonitoredData(Monitored):
    """Figures of each tensor of requests and answers, and how far their distributions are from the baseline's."""

    kind: ClassVar[str] = DataQuality.kind

    drifts: tuple[Drift, ...] = ()
    """Figures whose drift raises an alarm, for example ``request_tokens_mean``; none by default. They need a
    baseline."""

    def monitor(self, reports: Location, baselines: Location) -> Monitor:
        place = None
        if self.baseline is not None:
            place = Location(bucket=baselines.bucket, prefix=f"{baselines.prefix}/{self.baseline}")
        return DataQuality(
            schedule=self.schedule, resources=self.resources, output=reports, baseline=place, records=TENSORS,
            drifts=self.drifts,
        )  # fmt: skip

    def baseline_step(self, captured: Location, output: Location) -> Step:
        host = ProcessingResources(
            instance_type=self.resources.instance_type, volume_gib=self.resources.volume_gib,
            max_run_seconds=self.resources.max_run_seconds,
        )  # fmt: skip
        return DataQualityBaseline(
            name=self.kind, dataset=captured, resources=host, output=output, form="captured", records=TENSORS
        )


def bind_monitors(
    scope: Construct, monitors: Sequence[Monitored], endpoint: Endpoint, platform: Platform, *, name: str,
    captured: Location,
) -> tuple[Command, ...]:  # fmt: skip
    """Make the monitors of an endpoint, and the pipeline that makes their baselines.

    Args:
        scope: The stack.
        monitors: At least one, and one of each kind.
        endpoint: What is watched.
        platform: What the environment has.
        name: Short name of the endpoint, below which everything lies in the artifact bucket.
        captured: Where the endpoint writes what it captures.

    Returns:
        What starts the pipeline.
    """
    root, bucket = f"monitoring/{name}", platform.storage.artifacts
    reports = Location(bucket=bucket, prefix=f"{root}/reports")
    network, key, hosted = platform.network, platform.storage.key, endpoint.hosted[0]
    places = {each.kind: Location(bucket=bucket, prefix=f"{root}/baselines/{each.kind}") for each in monitors}
    Monitors(
        scope, "Monitors", hosted=hosted, captured=captured, network=network, key=key, condition=endpoint.condition,
        monitors=[each.monitor(reports, places[each.kind]) for each in monitors],
    )  # fmt: skip
    usual = captured.below(hosted.endpoint, hosted.variant, CAPTURED)
    pipeline = TrainingPipeline(
        Construct(scope, "Baselines"),
        "Pipeline",
        name=f"{endpoint.name}-baselines",
        parameters=(CAPTURED, BASELINE),
        steps=[each.baseline_step(usual, places[each.kind].below(BASELINE)) for each in monitors],
        network=network,
        key=key,
    )
    values = "Name=Captured,Value=YYYY/MM/DD Name=Baseline,Value=NAME"
    return (
        Command(
            name="BaselineCommand",
            text=f"{pipeline.start_command} --pipeline-parameters {values}",
            does="Makes a baseline of a day's captured traffic",
        ),
    )

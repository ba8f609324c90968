"""What is looked at of an endpoint, by what its kind publishes."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_lib.pages.widgets import Graph, Series, Widget, Words, metric
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.metrics import METRICS, Metric
from ml_contract.instances import CATALOGUE

_MICROSECONDS = "µs"
_TAILS = ("p50", "p95", "p99")
_BY = {"variant": "InvocationsPerInstance", "component": "InvocationsPerCopy"}
_USED = ("CPUUtilization", "MemoryUtilization", "DiskUtilization")
_USED_GPU = ("GPUUtilization", "GPUMemoryUtilization")
_NORMALIZED = "Normalized"


def endpoint_widgets(hosted: Hosted) -> list[Widget]:
    """Everything of one variant or component.

    Args:
        hosted: What serves.
    """
    what = hosted.component or f"{hosted.endpoint} · {hosted.variant}"
    machine = f", {hosted.instance_type}" if hosted.instance_type else ""
    return [Words(markdown=f"### {what} ({hosted.kind}{machine})"), *_Published(hosted).graphs()]


class _Published:
    """The metrics of one that serves, by name."""

    def __init__(self, hosted: Hosted) -> None:
        self._hosted = hosted
        self._metrics = {one.name: one for one in METRICS if hosted.kind in one.kinds}

    def graphs(self) -> Iterator[Graph]:
        yield self._graph("Invocations", "requests", "Sum", "Invocations")
        yield self._graph("Errors", "requests", "Sum", "Invocation4XXErrors", "Invocation5XXErrors",
                          "InvocationModelErrors", "NoCapacityInvocationFailures")  # fmt: skip
        yield self._tails("Latency of the model", "ModelLatency")
        yield self._tails("Latency beside the model", "OverheadLatency")
        if per := self._metrics.get(_BY["component" if self._hosted.component else "variant"]):
            yield self._instances(per)
        yield from self._of_kind()
        if "CPUUtilization" in self._metrics or f"CPUUtilization{_NORMALIZED}" in self._metrics:
            yield self._used("Processors, memory, disk", *_USED)
            if self._has_gpu:
                yield self._used("GPUs and their memory", *_USED_GPU)

    def _of_kind(self) -> Iterator[Graph]:
        if self._hosted.kind == "serverless":
            cold = self._series("ModelSetupTime", label="cold starts", stat="SampleCount")
            yield Graph(title="Cold starts", unit="starts", series=(cold,))
            yield self._tails("How long cold starts took", "ModelSetupTime")
        if self._hosted.kind == "asynchronous":
            yield self._graph("Requests that wait", "requests", "Maximum", "ApproximateBacklogSize",
                              "ApproximateBacklogSizePerInstance")  # fmt: skip
            yield self._graph("The oldest of them", "s", "Maximum", "ApproximateAgeOfOldestRequest")
        if self._hosted.kind == "multi-model":
            yield self._tails("Waiting for a model to load", "ModelLoadingWaitTime")
            yield self._graph("Requests whose model was loaded", "share", "Average", "ModelCacheHit")
            yield self._graph("Loaded models", "models", "Maximum", "LoadedModelCount")
        yield from self._concurrent()

    def _concurrent(self) -> Iterator[Graph]:
        names = ("ConcurrentRequestsPerModel", "ConcurrentRequestsPerCopy")
        if any(name in self._metrics for name in names):
            yield self._graph("Requests at once", "requests", "Maximum", *names)

    @property
    def _has_gpu(self) -> bool:
        known = CATALOGUE.get(self._hosted.instance_type or "")
        return known is None or known.accelerators > 0

    def _graph(self, title: str, unit: str, stat: str, *names: str) -> Graph:
        found = tuple(self._series(name, label=name) for name in names if name in self._metrics)
        return Graph(title=title, unit=unit, stat=stat, series=found)

    def _tails(self, title: str, name: str) -> Graph:
        return Graph(
            title=title, unit=_MICROSECONDS, series=tuple(self._series(name, label=tail, stat=tail) for tail in _TAILS)
        )

    def _used(self, title: str, *names: str) -> Graph:
        found = [name for stem in names for name in (stem, stem + _NORMALIZED) if name in self._metrics]
        # Of a type with several of them SageMaker sums: four busy processors are 400.
        unit = "%" if self._hosted.component else "% of one, summed"
        return Graph(title=title, unit=unit, stat="Maximum", series=tuple(self._series(n, label=n) for n in found))

    def _instances(self, per: Metric) -> Graph:
        """Nothing counts instances: each request reports its share of them, 1 / their number."""
        label = "copies" if self._hosted.component else "instances"
        return Graph(
            title=label.capitalize(), unit=label, stat="Sum",
            series=(
                self._series("Invocations", id="all", visible=False),
                self._series(per.name, id="each", visible=False),
                Series(expression="all / each", id="count", label=label),
            ),
        )  # fmt: skip

    def _series(self, name: str, **options: object) -> Series:
        one = self._metrics[name]
        return metric(one.namespace, one.name, one.dimensions(self._hosted), **options)

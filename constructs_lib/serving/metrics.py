"""The metrics that SageMaker publishes of what serves, and under which names CloudWatch has them.

Sources, read 2026-11-21: "Amazon SageMaker AI metrics in Amazon CloudWatch", SageMaker Developer Guide (endpoint,
invocation, inference component and multi-model metrics); "Monitor asynchronous endpoint" (its four metrics);
"Scale an endpoint to zero instances" (NoCapacityInvocationFailures). A metric of a queue has the endpoint as its only
dimension: under endpoint and variant nothing is ever published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from constructs_lib.serving.hosted import Hosted, Kind
from ml_contract.errors import reject

REQUESTS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"
COMPONENTS = "/aws/sagemaker/InferenceComponents"

Of = Literal["endpoint", "variant", "component"]
Statistic = Literal["Average", "Maximum", "Minimum", "Sum", "SampleCount"]
Percentile = Literal["p50", "p90", "p95", "p99", "p99.9"]
VARIANTS: frozenset[Kind] = frozenset({"real-time", "multi-model", "asynchronous"})
_ANY_VARIANT: frozenset[Kind] = VARIANTS | {"serverless"}
_COMPONENT: frozenset[Kind] = frozenset({"component"})
_QUEUE: frozenset[Kind] = frozenset({"asynchronous"})


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric, as it is published of some kinds of what serves."""

    name: str
    """Its name in CloudWatch."""
    namespace: str
    """Its namespace in CloudWatch."""
    of: Of
    """What its dimensions name."""
    kinds: frozenset[Kind]
    """What publishes it."""
    statistics: frozenset[str] | None = None
    """Statistics that mean something; None for all."""

    def dimensions(self, hosted: Hosted) -> Mapping[str, str]:
        """Name and value of each dimension, for ``hosted``."""
        if self.of == "component":
            assert hosted.component is not None
            return {"InferenceComponentName": hosted.component}
        if self.of == "endpoint":
            return {"EndpointName": hosted.endpoint}
        return {"EndpointName": hosted.endpoint, "VariantName": hosted.variant}


_TOTAL = frozenset({"Sum"})
_RATE = frozenset({"Average", "Sum"})
_EXTREMES = frozenset({"Minimum", "Maximum"})
_LATENCY = frozenset({*get_args(Statistic), *get_args(Percentile)})


def _requests(*rows: tuple[str, frozenset[Kind], frozenset[str] | None]) -> tuple[Metric, ...]:
    """Each row for what has it by variant, and again for components where they have it."""
    found: list[Metric] = []
    for name, kinds, statistics in rows:
        if variants := kinds - _COMPONENT:
            found.append(Metric(name=name, namespace=REQUESTS, of="variant", kinds=variants, statistics=statistics))
        if kinds & _COMPONENT:
            found.append(Metric(name=name, namespace=REQUESTS, of="component", kinds=_COMPONENT, statistics=statistics))
    return tuple(found)


METRICS = (
    *_requests(
        ("Invocations", _ANY_VARIANT | _COMPONENT, _TOTAL),
        ("InvocationsPerInstance", VARIANTS, _TOTAL),
        ("InvocationsPerCopy", _COMPONENT, _TOTAL),
        ("ConcurrentRequestsPerModel", frozenset({"real-time"}), _EXTREMES),
        ("ConcurrentRequestsPerCopy", _COMPONENT, _EXTREMES),
        ("Invocation4XXErrors", _ANY_VARIANT | _COMPONENT, _RATE),
        ("Invocation5XXErrors", _ANY_VARIANT | _COMPONENT, _RATE),
        ("InvocationModelErrors", _ANY_VARIANT | _COMPONENT, _RATE),
        ("ModelLatency", _ANY_VARIANT | _COMPONENT, _LATENCY),
        ("OverheadLatency", _ANY_VARIANT | _COMPONENT, _LATENCY),
        ("ModelSetupTime", frozenset({"serverless"}), _LATENCY),
        ("NoCapacityInvocationFailures", _COMPONENT, _TOTAL),
        ("ModelLoadingWaitTime", frozenset({"multi-model"}), _LATENCY),
        ("ModelCacheHit", frozenset({"multi-model"}), None),
    ),
    *(
        Metric(name=name, namespace=REQUESTS, of="endpoint", kinds=_QUEUE)
        for name in ("ApproximateBacklogSize", "ApproximateBacklogSizePerInstance", "ApproximateAgeOfOldestRequest",
                     "HasBacklogWithoutCapacity")
    ),
    *(
        Metric(name=name, namespace=INSTANCES, of="variant", kinds=VARIANTS)
        for name in ("CPUUtilization", "MemoryUtilization", "DiskUtilization", "GPUUtilization",
                     "GPUMemoryUtilization")
    ),
    Metric(name="LoadedModelCount", namespace=INSTANCES, of="variant", kinds=frozenset({"multi-model"})),
    *(
        Metric(name=name, namespace=COMPONENTS, of="component", kinds=_COMPONENT)
        for name in ("CPUUtilizationNormalized", "MemoryUtilizationNormalized", "GPUUtilizationNormalized",
                     "GPUMemoryUtilizationNormalized")
    ),
)  # fmt: skip

NAMES = tuple(dict.fromkeys(metric.name for metric in METRICS))


def metric_of(hosted: Hosted, name: str, *, field: str) -> Metric:
    """The metric ``name`` as ``hosted`` publishes it.

    Args:
        hosted: What serves.
        name: Name of the metric in CloudWatch.
        field: Name of the user's field, for the error.

    Raises:
        ContractError: Nothing of this kind publishes it.
    """
    for metric in METRICS:
        if metric.name == name and hosted.kind in metric.kinds:
            return metric
    offered = [metric.name for metric in METRICS if hosted.kind in metric.kinds]
    reject(field, name, f"what serves {hosted.kind} publishes no such metric", f"It has {', '.join(offered)}.")

"""CloudWatch metrics of endpoints, sent in batches.

Names, units and dimensions: "Amazon SageMaker AI metrics in Amazon CloudWatch", metrics of endpoint invocations, of
multi-model endpoints, of serverless and of asynchronous endpoints, read 2026-11.
"""

import logging
import threading
import time
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trainyard.local.hosting.exchange import Reply
from trainyard.local.hosting.flusher import Flusher

_NAMESPACE = "AWS/SageMaker"
# PutMetricData, CloudWatch API reference, read 2026-11: 1,000 metrics a call, 150 values a metric.
_METRICS_A_CALL, _VALUES_A_METRIC = 500, 150
_FLUSH_SECONDS, _LEAST_FLUSH_SECONDS = 2.0, 0.2
_TIMES = frozenset(
    {
        "ModelLatency", "OverheadLatency", "ContainerLatency", "ModelSetupTime", "ModelLoadingWaitTime",
        "ModelUnloadingTime", "ModelDownloadingTime", "ModelLoadingTime",
    }
)  # fmt: skip
"""Metrics in microseconds."""
_LONG_TIMES = frozenset({"TimeInBacklog", "TotalProcessingTime"})
"""Metrics in milliseconds; all others have no unit."""
Dimensions = tuple[tuple[str, str], ...]
_Key = tuple[Dimensions, str]

_log = logging.getLogger(__name__)


class Measures:
    """Collects figures of invocations and sends them from a thread of its own, which waits while there are none."""

    def __init__(self, client: Any, minute_seconds: float = 60.0) -> None:
        """Starts when the first figure comes.

        Args:
            client: gives the CloudWatch client; called on the thread.
            minute_seconds: what alarms and scaling take for a minute: the shorter, the sooner figures have to arrive.
        """
        self._client = client
        self._lock = threading.Lock()
        self._values: dict[_Key, list[float]] = {}
        pause = max(_LEAST_FLUSH_SECONDS, _FLUSH_SECONDS * minute_seconds / 60)
        self._flusher = Flusher("metrics of endpoints", self._flush, pause)

    def invocation(
        self, endpoint: str, variant: str, reply: Reply, *, overhead: float, instances: int, component: str = ""
    ) -> None:
        """Takes one invocation.

        Args:
            endpoint: name of the endpoint.
            variant: name of the production variant.
            reply: what the container answered.
            overhead: seconds of everything but the container.
            instances: how many instances the variant has, or copies the component.
            component: name of the inference component that answered, whose dimension takes the place of the others.
        """
        status = reply.status
        figures = [
            ("Invocations", 1.0),
            # "1/numberOfInstances is sent as the value on each request": ScalingPolicyMetric, API reference.
            ("InvocationsPerCopy" if component else "InvocationsPerInstance", 1.0 / max(1, instances)),
            ("Invocation4XXErrors", float(400 <= status < 500)),
            ("Invocation5XXErrors", float(status >= 500 or status == 0)),
            ("InvocationModelErrors", float(not 200 <= status < 300)),
            ("OverheadLatency", overhead),
        ]
        if reply.seconds:
            # What was refused before the container has no latency of it.
            figures.append(("ModelLatency", reply.seconds))
        where: Dimensions = (("EndpointName", endpoint), ("VariantName", variant))
        if component:
            where = (("InferenceComponentName", component),)
        self.take(where, [*figures, *(pair for pair in reply.figures if ":" not in pair[0])])
        for name, value in reply.figures:
            metric, _, container = name.partition(":")
            if container:
                self.take((*where, ("ContainerName", container)), [(metric, value)])

    def no_capacity(self, component: str) -> None:
        """Takes an invocation of an inference component that has no copy to answer it."""
        self.take((("InferenceComponentName", component),), [("NoCapacityInvocationFailures", 1.0)])

    def take(self, where: Dimensions, figures: Iterable[tuple[str, float]]) -> None:
        """Takes figures of one place; times in seconds."""
        with self._lock:
            for name, value in figures:
                scaled = value * (1e6 if name in _TIMES else 1e3 if name in _LONG_TIMES else 1.0)
                self._values.setdefault((where, name), []).append(scaled)
        self._flusher.notify()

    def close(self) -> None:
        """Sends what is left and ends the thread."""
        self._flusher.close()

    def _flush(self) -> None:
        with self._lock:
            values, self._values = self._values, {}
        now = time.time()
        data = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in where],
                "Timestamp": now,
                "Values": chunk,
                "Counts": counts,
                "Unit": "Microseconds" if name in _TIMES else "Milliseconds" if name in _LONG_TIMES else "None",
            }
            for (where, name), found in values.items()
            for chunk, counts in _chunks(found)
        ]
        for start in range(0, len(data), _METRICS_A_CALL):
            try:
                self._client().put_metric_data(Namespace=_NAMESPACE, MetricData=data[start : start + _METRICS_A_CALL])
            except (ClientError, BotoCoreError) as error:
                _log.warning("metrics of endpoints are not delivered: %s", error)
                return


def _chunks(values: list[float]) -> list[tuple[list[float], list[float]]]:
    counts: dict[float, float] = {}
    for value in values:
        counts[value] = counts.get(value, 0.0) + 1.0
    rows = list(counts.items())
    return [
        ([value for value, _ in part], [count for _, count in part])
        for part in (rows[start : start + _VALUES_A_METRIC] for start in range(0, len(rows), _VALUES_A_METRIC))
    ]

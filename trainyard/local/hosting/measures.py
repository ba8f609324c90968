"""CloudWatch metrics of endpoints, sent in batches.

Names, units and dimensions: "Amazon SageMaker AI metrics in Amazon CloudWatch", endpoint invocation metrics, read
2026-11.
"""

import logging
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_NAMESPACE = "AWS/SageMaker"
# PutMetricData, CloudWatch API reference, read 2026-11: 1,000 metrics a call, 150 values a metric.
_METRICS_A_CALL, _VALUES_A_METRIC = 500, 150
_FLUSH_SECONDS = 2.0
_UNITS = {"ModelLatency": "Microseconds", "OverheadLatency": "Microseconds"}
_Key = tuple[str, str, str]

_log = logging.getLogger(__name__)


class Measures:
    """Collects figures of invocations and sends them from a thread of its own, which waits while there are none."""

    def __init__(self, client: Any) -> None:
        """Starts when the first figure comes.

        Args:
            client: gives the CloudWatch client; called on the thread.
        """
        self._client = client
        self._lock = threading.Lock()
        self._values: dict[_Key, list[float]] = {}
        self._pending = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def invocation(self, endpoint: str, variant: str, status: int, *, model: float, overhead: float) -> None:
        """Takes one invocation.

        Args:
            endpoint: name of the endpoint.
            variant: name of the production variant.
            status: HTTP status of the container's answer; 0 when there was none in time.
            model: seconds that the container took.
            overhead: seconds of everything else.
        """
        figures = {
            "Invocations": 1.0,
            "InvocationsPerInstance": 1.0,
            "Invocation4XXErrors": float(400 <= status < 500),
            "Invocation5XXErrors": float(status >= 500 or status == 0),
            "InvocationModelErrors": float(not 200 <= status < 300),
            "ModelLatency": model * 1e6,
            "OverheadLatency": overhead * 1e6,
        }
        with self._lock:
            for name, value in figures.items():
                self._values.setdefault((endpoint, variant, name), []).append(value)
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._run, name="metrics of endpoints", daemon=True)
                self._thread.start()
        self._pending.set()

    def close(self) -> None:
        """Sends what is left and ends the thread."""
        self._ended.set()
        self._pending.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._pending.wait()
            self._ended.wait(_FLUSH_SECONDS)
            self._pending.clear()
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            values, self._values = self._values, {}
        now = time.time()
        data = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
                "Timestamp": now,
                "Values": chunk,
                "Counts": counts,
                "Unit": _UNITS.get(name, "None"),
            }
            for (endpoint, variant, name), found in values.items()
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

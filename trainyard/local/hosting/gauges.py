"""How many requests are under way: the high-resolution metrics that scaling follows.

ConcurrentRequestsPerModel and ConcurrentRequestsPerCopy, every ten seconds: "Amazon SageMaker AI metrics in Amazon
CloudWatch", high-resolution metrics, read 2026-11.
"""

import threading
from collections.abc import Callable, Iterable

from trainyard.local.hosting.deployment import Deployment
from trainyard.local.hosting.measures import Dimensions, Measures
from trainyard.local.hosting.replica import Replica
from trainyard.local.hosting.variant import Variant

_PERIOD_SECONDS = 10.0
_SAMPLES = 20
"""Looks a period: what is published is the most of them."""
Live = Callable[[], Iterable[tuple[str, Deployment]]]


class Gauges:
    """A thread that looks at every instance and copy."""

    def __init__(self, measures: Measures, live: Live, minute_seconds: float) -> None:
        """Starts nothing.

        Args:
            measures: takes the figures.
            live: names and deployments that serve now.
            minute_seconds: what scaling takes for a minute, in seconds.
        """
        self._measures, self._live = measures, live
        self._pause = _PERIOD_SECONDS * minute_seconds / 60 / _SAMPLES
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to look."""
        self._thread = threading.Thread(target=self._run, name="concurrent requests", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Looks no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._measures.close()

    def _run(self) -> None:
        most: dict[Replica, tuple[Dimensions, str, int]] = {}
        looks = 0
        while not self._ended.wait(self._pause):
            looks += 1
            for name, deployment in self._live():
                for variant in deployment.variants:
                    for replica in variant.replicas:
                        where, metric = _place(name, variant)
                        before = most.get(replica, (where, metric, 0))[2]
                        most[replica] = where, metric, max(before, replica.outstanding)
            if looks % _SAMPLES == 0:
                for where, metric, value in most.values():
                    self._measures.take(where, [(metric, float(value))])
                most = {}


def _place(name: str, variant: Variant) -> tuple[Dimensions, str]:
    if variant.plan.component:
        return (("InferenceComponentName", variant.plan.component),), "ConcurrentRequestsPerCopy"
    return (("EndpointName", name), ("VariantName", variant.plan.name)), "ConcurrentRequestsPerModel"

"""Serverless variants: containers that come with requests and go without them.

Rules: "Deploy models with Amazon SageMaker Serverless Inference", read 2026-11. Each container works on one request at
a time; the first request that finds none free waits for a new one (a cold start); requests beyond MaxConcurrency are
throttled. Over that limit the runtime answers ThrottlingException, which is HTTP 400 on AWS ("Common errors"; seen in
opensearch-project/ml-commons#2249); SDKs retry it by its name. How long an idle container stays AWS does not say.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Protocol

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.hosting.exchange import Figures, Question, Reply, Serving, StreamedReply
from trainyard.local.hosting.plan import ServerlessPlan
from trainyard.local.hosting.replica import Replica

MAXIMUM_CONTAINERS = 8
"""Containers of a variant that this machine runs; beyond them requests share one."""
IDLE_MINUTES = 5.0
"""How long a container without requests stays, in minutes."""
_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.02


class Fleet(Protocol):
    """The containers of a variant."""

    @property
    def replicas(self) -> Sequence[Replica]:
        """Those that there are."""

    def grow(self, count: int) -> None:
        """Starts containers until there are `count`."""

    def shrink(self, count: int) -> None:
        """Ends containers until there are `count`."""


class ServerlessPool:
    """Hands containers to requests, starts them on demand and ends those that nobody uses."""

    def __init__(self, fleet: Fleet, plan: ServerlessPlan, minute_seconds: float = 60.0) -> None:
        """Starts nothing.

        Args:
            fleet: the containers.
            plan: how many requests at a time, and how many containers stay.
            minute_seconds: what counts as a minute, in seconds.
        """
        self.plan = plan
        self._fleet = fleet
        self._idle_seconds = IDLE_MINUTES * minute_seconds
        self._lock = threading.Lock()
        self._resizing = threading.Lock()
        self._running = 0
        self._stood = False
        self._busy_until: dict[Replica, float] = {}
        self._closed = threading.Event()
        self._reaper: threading.Thread | None = None

    def change(self, plan: ServerlessPlan) -> None:
        """Takes other limits; containers that are missing for them start."""
        self.plan = plan
        with self._resizing:
            self._fleet.grow(max(len(self._fleet.replicas), plan.provisioned))

    def stands(self) -> bool:
        """Whether a container has been healthy once: that is when the endpoint is in service."""
        self._stood = self._stood or any(replica.state == "healthy" for replica in self._fleet.replicas)
        return self._stood

    def close(self) -> None:
        """Ends no container any more."""
        self._closed.set()

    @contextmanager
    def borrow(self) -> Iterator[tuple[Replica, Serving] | None]:
        """A container for one request; None when there is none in time.

        Raises:
            ServiceError: ThrottlingException, too many requests are under way.
        """
        self._watch()
        with self._lock:
            if self._running >= self.plan.concurrency:
                raise ServiceError("ThrottlingException", "Rate exceeded: MaxConcurrency requests are under way.", 400)
            self._running += 1
            running = self._running
        replica: Replica | None = None
        try:
            began = time.monotonic()
            replica, cold = self._take()
            serving = replica.serving if replica else None
            if replica is None or serving is None:
                yield None
                return
            setup = (("ModelSetupTime", time.monotonic() - began),) if cold else ()
            yield replica, _Measured(serving, (*setup, *self._figures(running)))
        finally:
            with self._lock:
                self._running -= 1
                if replica is not None:
                    replica.outstanding -= 1
                    self._busy_until[replica] = time.monotonic()

    def _figures(self, running: int) -> Figures:
        plan = self.plan
        found: Figures = (("ServerlessConcurrentExecutionsUtilization", running / plan.concurrency),)
        if not plan.provisioned:
            return found
        spilled = running > plan.provisioned
        kind = "SpilloverInvocations" if spilled else "Invocations"
        used = min(running, plan.provisioned)
        return (
            *found,
            ("ServerlessProvisionedConcurrencyExecutions", float(used)),
            ("ServerlessProvisionedConcurrencyUtilization", used / plan.provisioned),
            (f"ServerlessProvisionedConcurrency{kind}", 1.0),
        )

    def _take(self) -> tuple[Replica | None, bool]:
        """A healthy container, counted as busy, and whether it had to be started for this request."""
        cold = False
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            with self._lock:
                healthy = [replica for replica in self._fleet.replicas if replica.serving is not None]
                free = [replica for replica in healthy if not replica.outstanding]
                full = len(healthy) >= MAXIMUM_CONTAINERS
                chosen = free[0] if free else min(healthy, key=lambda one: one.outstanding) if full else None
                if chosen is not None:
                    chosen.outstanding += 1
                    return chosen, cold
                wanted = min(self._running, MAXIMUM_CONTAINERS)
            failed = sum(replica.state == "failed" for replica in self._fleet.replicas)
            if failed:
                # They go first, and the next request tries again.
                with self._resizing:
                    self._fleet.shrink(len(self._fleet.replicas) - failed)
                return None, cold
            if len(self._fleet.replicas) < wanted:
                cold = True
                with self._resizing:
                    self._fleet.grow(max(wanted, len(self._fleet.replicas)))
            if time.monotonic() > deadline or self._closed.is_set():
                return None, cold
            time.sleep(_POLL_SECONDS)

    def _watch(self) -> None:
        with self._lock:
            if self._reaper is None:
                self._reaper = threading.Thread(target=self._reap, name="idle containers", daemon=True)
                self._reaper.start()

    def _reap(self) -> None:
        while not self._closed.wait(max(0.05, self._idle_seconds / 10)):
            now = time.monotonic()
            with self._lock:
                replicas = list(self._fleet.replicas)
                idle = [
                    replica
                    for replica in replicas
                    if not replica.outstanding and now - self._busy_until.setdefault(replica, now) > self._idle_seconds
                ]
                self._busy_until = {key: value for key, value in self._busy_until.items() if key in replicas}
            keep = max(self.plan.provisioned, len(replicas) - len(idle))
            if keep < len(replicas):
                with self._resizing, suppress(ServiceError):
                    self._fleet.shrink(keep)


def updated(plan: Mapping[str, int], update: Mapping[str, int], field: str) -> dict[str, int]:
    """A serverless plan's document with what ServerlessUpdateConfig changes.

    Raises:
        ServiceError: ValidationException, more concurrency would be provisioned than there is.
    """
    concurrency = update.get("MaxConcurrency", plan["concurrency"])
    provisioned = update.get("ProvisionedConcurrency", plan["provisioned"])
    if provisioned > concurrency:
        raise invalid(
            f"{field}.ProvisionedConcurrency: it would be {provisioned}, but it is at most MaxConcurrency, which is "
            f"{concurrency}. Lower it."
        )
    return {**plan, "concurrency": concurrency, "provisioned": provisioned}


class _Measured:
    """What serves, with figures of the way to it."""

    def __init__(self, serving: Serving, figures: Figures) -> None:
        self._serving, self._figures = serving, figures

    def ask(self, question: Question) -> Reply:
        reply = self._serving.ask(question)
        return replace(reply, figures=(*reply.figures, *self._figures))

    def stream(self, question: Question) -> StreamedReply:
        streamed = self._serving.stream(question)
        return replace(streamed, figures=(*streamed.figures, *self._figures))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._serving, name)

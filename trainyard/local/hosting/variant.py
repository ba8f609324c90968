"""One production variant that runs: its model data, its instances and their logs."""

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Context
from trainyard.local.capacity import ENDPOINT_REASON, ShortageError, await_instances
from trainyard.local.hosting.blueprints import opening
from trainyard.local.hosting.exchange import Serving
from trainyard.local.hosting.plan import VariantPlan
from trainyard.local.hosting.replica import Opening, Replica
from trainyard.local.hosting.serverless import ServerlessPool
from trainyard.local.jobs.logs import Shipper
from trainyard.local.pulling import check_variant

JOIN_SECONDS = 30.0
DRAIN_SECONDS = 60.0
"""As long as a container may take for an answer."""
_DRAIN_POLL_SECONDS = 0.02
_log = logging.getLogger(__name__)


class Variant:
    """One production variant that runs."""

    def __init__(
        self, context: Context, endpoint: str, plan: VariantPlan, root: Path, changed: Callable[[], None], group: str
    ) -> None:
        """Prepares; `prepare` and `grow` start.

        Args:
            context: the rest of the cloud.
            endpoint: name of the endpoint.
            plan: what to run.
            root: folder of the variant's files.
            changed: told when an instance's state is another one.
            group: log group of its instances.
        """
        self.plan = plan
        self.weight = plan.weight
        self.desired = plan.count
        """Instances that there should be."""
        self.replicas: list[Replica] = []
        """Instances that there are; replaced, never changed, when there are others."""
        self.group = group
        self._context, self._endpoint, self._root, self._changed = context, endpoint, root, changed
        self._opening: Opening | None = None
        self._cancelled: Callable[[], bool] = lambda: False
        self._shippers: list[Shipper] = []
        self._started = 0
        self._lock = threading.Lock()
        self.serverless = ServerlessPool(self, plan.serverless, context.minute_seconds) if plan.serverless else None
        """Who hands out containers that come and go; None for instances."""

    def healthy(self) -> bool:
        """Whether everything answers that should: containers on demand need to have answered once."""
        if self.serverless is not None:
            return self.serverless.stands()
        return all(replica.state == "healthy" for replica in self.replicas)

    def prepare(self, cancelled: Callable[[], bool]) -> None:
        """Fetches the model data: what every instance needs before it starts.

        Raises:
            ArtifactError: the model data cannot be had.
            ServiceError: the role or the image cannot be used any more.
        """
        self._cancelled = cancelled
        if self.plan.containers:
            self._opening = opening(self._context, self.plan, self._root, cancelled)

    def grow(self, count: int) -> None:
        """Starts instances until there are `count`; they become healthy some time later.

        Raises:
            ServiceError: there are no instances, or image or role cannot be used any more.
        """
        self.desired, missing = count, count - len(self.replicas)
        if missing <= 0:
            return
        if self.plan.instance_type and not self.plan.component:
            try:
                await_instances(self._context.faults, [self.plan.instance_type], self._cancelled)
            except ShortageError as error:
                raise invalid(ENDPOINT_REASON) from error
        if not self.plan.containers:
            return
        for container in self.plan.containers:
            check_variant(self._context.missing, container.image, self.plan.name)
        assert self._opening, "grow comes after prepare"
        plan, platform = self.plan, self._context.platform
        streams = [f"{plan.name}/i-{uuid.uuid4().hex[:17]}" for _ in range(missing)]
        shipper = Shipper(
            platform.role_client("logs", plan.role, "SageMaker"),
            platform.role_client("cloudwatch", plan.role, "SageMaker"),
            self.group, streams, self._endpoint, self._undelivered,
        )  # fmt: skip
        self._shippers.append(shipper)
        for number in range(missing):
            self._started += 1
            replica = Replica(
                f"{self._endpoint}/{plan.name}/{self._started}",
                self._opening,
                self._root / f"instance-{self._started}",
                start_seconds=plan.start_seconds,
                line=partial(_ship, shipper, number),
                changed=self._changed,
            )
            with self._lock:
                self.replicas = [*self.replicas, replica]

    def shrink(self, count: int) -> None:
        """Ends instances until there are `count`, each after it has answered what it was asked.

        Those that do not serve go first, then the youngest.
        """
        self.desired = count
        with self._lock:
            order = sorted(self.replicas, key=lambda replica: replica.state != "healthy")
            leaving = order[::-1][: max(0, len(order) - count)]
            self.replicas = [replica for replica in self.replicas if replica not in leaving]
        deadline = time.monotonic() + DRAIN_SECONDS
        for replica in leaving:
            # No new request reaches it: it is not among the replicas any more.
            while replica.outstanding and time.monotonic() < deadline:
                time.sleep(_DRAIN_POLL_SECONDS)
            replica.stop(graceful=True)
        for replica in leaving:
            replica.join(JOIN_SECONDS)

    @contextmanager
    def borrow(self, target_model: str | None = None) -> Iterator[tuple[Replica, Serving] | None]:
        """A healthy instance, counted as busy meanwhile; None when there is none.

        Args:
            target_model: a model of many: an instance that has it goes first.
        """
        if self.serverless is not None:
            with self.serverless.borrow() as container:
                yield container
            return
        with self._lock:
            healthy = [(replica, serving) for replica in self.replicas if (serving := replica.serving)]
            if target_model is not None and len(healthy) > 1:
                healthy = [pair for pair in healthy if pair[1].holds(target_model)] or healthy
            chosen = None
            if healthy and self.plan.routing == "RANDOM":
                chosen = random.choice(healthy)  # noqa: S311 - a share of requests is no secret
            elif healthy:
                chosen = min(healthy, key=lambda pair: pair[0].outstanding)
            if chosen:
                chosen[0].outstanding += 1
        try:
            yield chosen
        finally:
            if chosen:
                with self._lock:
                    chosen[0].outstanding -= 1

    def signal(self, *, graceful: bool) -> None:
        """Asks every instance to end."""
        if self.serverless is not None:
            self.serverless.close()
        for replica in self.replicas:
            replica.stop(graceful=graceful)

    def stop(self) -> None:
        """Waits until every instance has ended and sends the rest of their logs."""
        for replica in self.replicas:
            replica.join(JOIN_SECONDS)
        for shipper in self._shippers:
            shipper.close()

    def _undelivered(self, problem: str) -> None:
        _log.warning("%s", problem)


def _ship(shipper: Shipper, number: int, text: str) -> None:
    shipper.line(number, text, time.time())

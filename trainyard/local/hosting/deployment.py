"""A running plan: every variant's model data, containers and logs."""

import logging
import random
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.hosting.artifact import ArtifactError
from trainyard.local.hosting.blueprints import opening
from trainyard.local.hosting.configs import ENDPOINT
from trainyard.local.hosting.exchange import Serving
from trainyard.local.hosting.plan import Plan, VariantPlan
from trainyard.local.hosting.replica import Opening, Replica
from trainyard.local.hosting.serverless import ServerlessPool
from trainyard.local.jobs.logs import Shipper

_JOIN_SECONDS = 30.0
_DRAIN_SECONDS = 60.0
"""As long as a container may take for an answer."""
_DRAIN_POLL_SECONDS = 0.02
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where one kind of what serves has its documents, files and logs."""

    kind: str
    """Kind of its documents in the store."""
    folder: str
    """Folder of its files in the cloud's state."""
    logs: str
    """What its log groups begin with."""


ENDPOINTS = Home(kind=ENDPOINT, folder="endpoints", logs="/aws/sagemaker/Endpoints")


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
        if self.plan.containers:
            self._opening = opening(self._context, self.plan, self._root, cancelled)

    def grow(self, count: int) -> None:
        """Starts instances until there are `count`; they become healthy some time later.

        Raises:
            ServiceError: the role cannot be used any more.
        """
        self.desired, missing = count, count - len(self.replicas)
        if missing <= 0 or not self.plan.containers:
            return
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
                line=lambda text, number=number: shipper.line(number, text, time.time()),  # type: ignore[misc]
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
        deadline = time.monotonic() + _DRAIN_SECONDS
        for replica in leaving:
            # No new request reaches it: it is not among the replicas any more.
            while replica.outstanding and time.monotonic() < deadline:
                time.sleep(_DRAIN_POLL_SECONDS)
            replica.stop(graceful=True)
        for replica in leaving:
            replica.join(_JOIN_SECONDS)

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
            replica.join(_JOIN_SECONDS)
        for shipper in self._shippers:
            shipper.close()

    def _undelivered(self, problem: str) -> None:
        _log.warning("%s", problem)


class Deployment:
    """All variants of one plan."""

    def __init__(
        self, context: Context, endpoint: str, plan: Plan, changed: Callable[[], None], home: Home = ENDPOINTS
    ) -> None:
        """Prepares; `start` starts.

        Args:
            context: the rest of the cloud.
            endpoint: name of the endpoint, or of the inference component.
            plan: what to run.
            changed: told, on some thread, that an instance's state is another one.
            home: which of the two it is.
        """
        self.plan = plan
        self.began = time.time()
        self.share = 0.0
        """Part of the endpoint's requests that it gets while it stands beside another deployment, 0 to 1."""
        self.served = False
        """Whether it has had a part of them."""
        self.phase = ""
        """What an update does with it now: ActivatingTraffic or Baking."""
        self.phase_since = self.began
        """When it began to, in seconds since 1970."""
        self._changed = changed
        self._root = folder(context, endpoint, home) / plan.id
        self._news = threading.Condition()
        self._closed = False
        self._requests = 0
        self._starting = threading.Lock()
        self.variants = [
            Variant(context, endpoint, one, self._root / one.name, self._notify, f"{home.logs}/{endpoint}")
            for one in plan.variants
        ]
        self.shadows = [
            Variant(context, endpoint, one, self._root / one.name, self._notify, f"{home.logs}/{endpoint}")
            for one in plan.shadows
        ]
        """Variants that get copies of requests."""
        self._stood = False

    @property
    def _all(self) -> list[Variant]:
        return [*self.variants, *self.shadows]

    def start(self, counts: Mapping[str, int] | None = None) -> str:
        """Starts every variant and waits until all instances are healthy.

        Args:
            counts: instances to begin with, by variant; the plan's for those that it does not name.

        Returns:
            Empty, or why that did not come about.
        """
        with self._starting:
            wanted = {variant.plan.name: variant.plan.count for variant in self._all} | dict(counts or {})
            try:
                for variant in self._all:
                    if not self._closed:
                        variant.prepare(lambda: self._closed)
                        variant.grow(wanted[variant.plan.name])
            except ArtifactError as error:
                return str(error)
            except ServiceError as error:
                return error.message
            reason = self._await_healthy()
            self._stood = not reason
            return reason

    def scale(self, counts: Mapping[str, int]) -> str:
        """Gives variants other numbers of instances, and waits until those that are new are healthy.

        Nothing is lost meanwhile: what leaves has answered before, and when what is new does not come up, it leaves
        again and the numbers are as before.

        Returns:
            Empty, or why that did not come about.
        """
        with self._starting:
            changed = [variant for variant in self.variants if variant.plan.name in counts and not self._closed]
            before = {variant.plan.name: len(variant.replicas) for variant in changed}
            try:
                for variant in changed:
                    variant.grow(max(counts[variant.plan.name], before[variant.plan.name]))
                reason = self._await_healthy()
            except ServiceError as error:
                reason = error.message
            for variant in changed if not self._closed else ():
                name = variant.plan.name
                variant.shrink(before[name] if reason else counts[name])
            return reason

    def _await_healthy(self) -> str:
        with self._news:
            self._news.wait_for(lambda: self._closed or self.failure() or self.healthy())
            return "it was stopped before it was in service" if self._closed else self.failure()

    def become(self, phase: str) -> None:
        """Says what an update does with it now."""
        if phase != self.phase:
            self.phase, self.phase_since = phase, time.time()

    @property
    def closed(self) -> bool:
        """Whether it ends, or has ended."""
        return self._closed

    def ready(self) -> bool:
        """Whether every variant can answer."""
        return all(
            any(replica.state == "healthy" for replica in variant.replicas)
            for variant in self.variants
            if variant.desired and variant.plan.containers and not (variant.serverless and variant.healthy())
        )

    def enter(self) -> None:
        """Counts a request that is about to be answered: a graceful end waits for it."""
        with self._news:
            self._requests += 1

    def leave(self) -> None:
        """Ends what `enter` began."""
        with self._news:
            self._requests -= 1
            self._news.notify_all()

    def healthy(self) -> bool:
        """Whether every instance answers."""
        return all(variant.healthy() for variant in self._watched())

    def failure(self) -> str:
        """Why an instance failed for good, or nothing."""
        for variant in self._watched():
            for replica in variant.replicas:
                if replica.state == "failed":
                    return (
                        f"The primary container for production variant {variant.plan.name} did not pass the ping "
                        f"health check. Please check CloudWatch logs for this endpoint. [{replica.reason}]"
                    )
        return ""

    def choose(self, target: str | None) -> Variant | None:
        """The variant that answers the next request: the one asked for, or one by weight. None: no such variant."""
        if target is not None:
            return next((variant for variant in self.variants if variant.plan.name == target), None)
        if len(self.variants) == 1:
            return self.variants[0]
        weights = [variant.weight for variant in self.variants]
        return random.choices(self.variants, weights)[0]  # noqa: S311 - a share of requests is no secret

    def stop(self, *, graceful: bool, keep: bool = False) -> None:
        """Ends everything; returns when no process is left.

        Args:
            graceful: let the servers answer what was asked before.
            keep: keep the model data for the next start of the cloud.
        """
        with self._news:
            if graceful:
                # A server that has been told to end refuses what reaches it afterwards.
                self._news.wait_for(lambda: self._requests == 0, _DRAIN_SECONDS)
            self._closed = True
            self._news.notify_all()
        with self._starting:
            for variant in self._all:
                variant.signal(graceful=graceful)
            for variant in self._all:
                variant.stop()
        if not keep:
            shutil.rmtree(self._root, ignore_errors=True)

    def _watched(self) -> list[Variant]:
        """Variants that matter: a shadow has to start, but its later troubles are no troubles of the endpoint."""
        return self.variants if self._stood else self._all

    def _notify(self) -> None:
        with self._news:
            self._news.notify_all()
        self._changed()


def folder(context: Context, name: str, home: Home = ENDPOINTS) -> Path:
    """Where the files of an endpoint, or of an inference component, are."""
    return context.state / home.folder / name


def describe(plan: Plan, deployment: Deployment | None) -> list[dict[str, Any]]:
    """ProductionVariants as DescribeEndpoint shows them; without a deployment nothing of it runs."""
    running = {variant.plan.name: variant for variant in deployment.variants} if deployment else {}
    rows = [_described(variant, running.get(variant.name)) for variant in plan.variants]
    if deployment and deployment.phase:
        for row in rows:
            status = {"Status": deployment.phase, "StartTime": deployment.phase_since}
            row.setdefault("VariantStatus", []).insert(0, status)
    return rows


def describe_kinds(plan: Plan, deployment: Deployment | None) -> dict[str, Any]:
    """Shadows, captured data and asynchronous answers as DescribeEndpoint shows them."""
    running = {variant.plan.name: variant for variant in deployment.shadows} if deployment else {}
    shown: dict[str, Any] = {"AsyncInferenceConfig": plan.asynchronous}
    if plan.shadows:
        shown["ShadowProductionVariants"] = [_described(shadow, running.get(shadow.name)) for shadow in plan.shadows]
    if plan.capture:
        shown["DataCaptureConfig"] = {
            "EnableCapture": True,
            "CaptureStatus": "Started",
            "CurrentSamplingPercentage": plan.capture["InitialSamplingPercentage"],
            "DestinationS3Uri": plan.capture["DestinationS3Uri"],
            "KmsKeyId": plan.capture.get("KmsKeyId", ""),
        }
    return {name: value for name, value in shown.items() if value is not None}


def _described(plan: VariantPlan, running: Variant | None) -> dict[str, Any]:
    replicas = running.replicas if running else []
    shown: dict[str, Any] = {
        "VariantName": plan.name,
        "DeployedImages": [{"SpecifiedImage": one.image, "ResolvedImage": one.image} for one in plan.containers],
        "CurrentWeight": running.weight if running else plan.weight,
        "DesiredWeight": running.weight if running else plan.weight,
        "CurrentInstanceCount": (
            sum(replica.state == "healthy" for replica in replicas) if plan.containers else plan.count
        ),
        "DesiredInstanceCount": running.desired if running else plan.count,
        "RoutingConfig": {"RoutingStrategy": plan.routing},
    }
    if plan.serverless:
        pool = running.serverless if running else None
        for name in ("CurrentInstanceCount", "DesiredInstanceCount", "RoutingConfig"):
            del shown[name]
        config = (pool.plan if pool else plan.serverless).to_aws()
        shown |= {"CurrentServerlessConfig": config, "DesiredServerlessConfig": config}
        return shown
    troubled = [replica for replica in replicas if replica.state in ("starting", "restarting", "failed")]
    if troubled:
        statuses = [{"Status": "Creating", "StartTime": one.since, "StatusMessage": one.reason} for one in troubled]
        shown["VariantStatus"] = [{key: value for key, value in row.items() if value} for row in statuses]
    return shown

"""A running plan: all its variants, and how they come up, change and end together."""

import random
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.hosting.artifact import ArtifactError
from trainyard.local.hosting.configs import ENDPOINT
from trainyard.local.hosting.plan import Plan
from trainyard.local.hosting.variant import DRAIN_SECONDS, Variant


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
                self._news.wait_for(lambda: self._requests == 0, DRAIN_SECONDS)
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
        """Variants that matter: what comes on demand, and a shadow, have to start once, and trouble nobody later."""
        return [one for one in self.variants if one.serverless is None] if self._stood else self._all

    def _notify(self) -> None:
        with self._news:
            self._news.notify_all()
        self._changed()


def folder(context: Context, name: str, home: Home = ENDPOINTS) -> Path:
    """Where the files of an endpoint, or of an inference component, are."""
    return context.state / home.folder / name

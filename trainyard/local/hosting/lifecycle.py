"""What becomes of endpoints: started, replaced and ended on threads of their own, and served again after a restart."""

import logging
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.hosting.deployment import ENDPOINTS, Deployment, Home, folder
from trainyard.local.hosting.guardrails import Guardrails, guardrails
from trainyard.local.hosting.plan import Plan
from trainyard.local.hosting.rollout import Alarms, Rollout

SERVING = ("InService", "SystemUpdating")
"""Statuses in which an endpoint has a deployment."""
_REASON_CHARACTERS = 1024
_JOIN_SECONDS = 60.0
_log = logging.getLogger(__name__)


def _start(deployment: Deployment) -> str:
    return deployment.start()


class Lifecycle:
    """The deployments of all endpoints, or of all inference components, and their statuses."""

    def __init__(self, context: Context, home: Home = ENDPOINTS) -> None:
        """Starts nothing.

        Args:
            context: the rest of the cloud.
            home: what it is the lifecycle of: endpoints, or inference components.
        """
        self._context, self._home = context, home
        self._store = context.store
        self._lock = threading.RLock()
        self._live: dict[str, Deployment] = {}
        self._coming: dict[str, Deployment] = {}
        self._threads: set[threading.Thread] = set()
        self._closed = False

    def live(self, name: str) -> Deployment | None:
        """What serves an endpoint now, or None."""
        with self._lock:
            return self._live.get(name)

    def serving(self) -> list[tuple[str, Deployment]]:
        """Everything that serves now, by name."""
        with self._lock:
            return list(self._live.items())

    @contextmanager
    def answering(self, name: str) -> Iterator[Deployment | None]:
        """What serves an endpoint now, or None; it does not end while the block lasts."""
        with self._lock:
            live, coming = self._live.get(name), self._coming.get(name)
            # No request goes to a fleet that cannot answer, as a load balancer has it.
            if live is not None and coming is not None and random.random() < coming.share and coming.ready():  # noqa: S311
                live = coming
            if live is not None:
                live.enter()
        try:
            yield live
        finally:
            if live is not None:
                live.leave()

    def fleets(self, name: str) -> tuple[Deployment | None, Deployment | None]:
        """What serves an endpoint, and what is about to, as they are at one moment."""
        with self._lock:
            return self._live.get(name), self._coming.get(name)

    def start(self) -> None:
        """Serves again what was in service when the cloud went down, and finishes what it was about to do."""
        for endpoint in self._store.list(self._home.kind):
            name, status = endpoint["Name"], endpoint["EndpointStatus"]
            self._clear(endpoint)
            if status == "Deleting":
                self.delete(name)
            elif status == "Creating":
                self.create(name, Plan.from_json(endpoint["Pending"]))
            elif status == "RollingBack":
                # The old fleet is the one that starts; there is nothing left to go back from.
                self._store.update(self._home.kind, name, EndpointStatus="SystemUpdating", Pending=None)
                self._launch(f"serve endpoint {name}", self._resume, name, {**endpoint, "Pending": None})
            elif status != "Failed":
                self._store.update(self._home.kind, name, EndpointStatus="SystemUpdating")
                self._launch(f"serve endpoint {name}", self._resume, name, endpoint)

    def stop(self) -> None:
        """Ends every model server; the endpoints stay as they are for the next start."""
        with self._lock:
            self._closed = True
            running = [*self._live.values(), *self._coming.values()]
            threads = list(self._threads)
        stopping = [
            threading.Thread(target=deployment.stop, kwargs={"graceful": False, "keep": True}, name="stop endpoint")
            for deployment in running
        ]
        for thread in stopping:
            thread.start()
        for thread in [*stopping, *threads]:
            thread.join(_JOIN_SECONDS)

    def create(self, name: str, plan: Plan) -> None:
        """Has a new endpoint served."""
        self._launch(f"create endpoint {name}", self._create, name, plan)

    def update(self, name: str, plan: Plan, guard: Guardrails) -> None:
        """Has an endpoint serve something else."""
        self._launch(f"update endpoint {name}", self._update, name, plan, guard)

    def scale(self, name: str, plan: Plan) -> None:
        """Gives the variants of an endpoint the numbers of instances that its plan has now."""
        self._launch(f"scale endpoint {name}", self._scale, name, plan)

    def delete(self, name: str) -> None:
        """Has an endpoint end."""
        self._launch(f"delete endpoint {name}", self._delete, name)

    def _launch(self, title: str, work: Callable[..., None], *arguments: Any) -> None:
        def run() -> None:
            try:
                work(*arguments)
            except Exception:
                _log.exception("%s", title)
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, name=title, daemon=True)
        with self._lock:
            if self._closed:
                return
            self._threads.add(thread)
        thread.start()

    def _create(self, name: str, plan: Plan) -> None:
        reason = self._deploy(name, plan)
        if reason:
            self._settle(name, plan, "Failed", reason)
        elif reason is not None:
            self._settle(name, plan, "InService", "", Plan=plan.to_json(), Pending=None)
            self._watched(name, self.live(name))

    def _update(self, name: str, plan: Plan, guard: Guardrails) -> None:
        def forward(green: Deployment) -> str:
            blue = self.live(name)
            if blue is None:
                return "the endpoint is being deleted"
            rollout = Rollout(
                blue, green, guard, Alarms(lambda: self._watcher(blue), guard.alarms),
                cancelled=lambda: self._closed or blue.closed or green.closed,
                rolling_back=lambda reason: self._settle(name, plan, "RollingBack", reason),
            )  # fmt: skip
            return rollout.run()

        reason = self._deploy(name, plan, forward)
        if reason:
            # The old deployment never stopped serving.
            self._settle(name, plan, "InService", reason, Pending=None)
        elif reason is not None:
            changes = {"Plan": plan.to_json(), "Pending": None, "EndpointConfigName": plan.config}
            self._settle(name, plan, "InService", "", **changes)
        if reason is not None:
            self._watched(name, self.live(name))

    def _watcher(self, blue: Deployment) -> Any:
        return self._context.platform.role_client("cloudwatch", blue.plan.variants[0].role, "SageMaker")

    def _scale(self, name: str, plan: Plan) -> None:
        live = self.live(name)
        if live is None:
            return
        before = {variant.plan.name: len(variant.replicas) for variant in live.variants}
        reason = live.scale({variant.name: variant.count for variant in plan.variants})
        with self._lock:
            if self._closed:
                return

        def edit(endpoint: dict[str, Any]) -> None:
            if endpoint["EndpointStatus"] != "Updating" or not endpoint["Plan"] or endpoint["Plan"]["id"] != plan.id:
                return
            endpoint.update(EndpointStatus="InService", LastModifiedTime=time.time())
            endpoint.pop("FailureReason", None)
            if reason:
                endpoint["FailureReason"] = reason[:_REASON_CHARACTERS]
                for variant in endpoint["Plan"]["variants"]:
                    variant["count"] = before[variant["name"]]

        self._edit(name, edit)
        self._watched(name, live)

    def _resume(self, name: str, endpoint: Mapping[str, Any]) -> None:
        plan = Plan.from_json(endpoint["Plan"])
        reason = self._deploy(name, plan)
        if reason:
            self._settle(name, plan, "Failed", reason)
        elif reason is not None and endpoint["Pending"]:
            # The update begins again: its first steps were lost with the fleet that had taken them.
            self._settle(name, plan, "Updating", "")
            self._update(name, Plan.from_json(endpoint["Pending"]), guardrails(endpoint.get("LastDeploymentConfig")))
        elif reason is not None:
            self._settle(name, plan, "InService", endpoint.get("FailureReason", ""))
            self._watched(name, self.live(name))

    def _delete(self, name: str) -> None:
        with self._lock:
            running = [found for found in (self._coming.get(name), self._live.pop(name, None)) if found]
        for deployment in running:
            deployment.stop(graceful=True)
        shutil.rmtree(folder(self._context, name, self._home), ignore_errors=True)
        self._store.delete(self._home.kind, name)

    def _deploy(self, name: str, plan: Plan, bring: Callable[[Deployment], str] = _start) -> str | None:
        """Starts a plan beside what serves, and puts it in its place.

        Args:
            name: name of the endpoint.
            plan: what shall serve.
            bring: starts it and says why it shall not serve, or nothing.

        Returns:
            Why that did not come about; empty when it did; None when the cloud goes down meanwhile.
        """
        deployment = Deployment(self._context, name, plan, lambda: self._watched(name, deployment), self._home)
        with self._lock:
            if self._closed:
                return None
            self._coming[name] = deployment
        try:
            reason = bring(deployment)
        except Exception as error:
            _log.exception("deployment of %s", name)
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        with self._lock:
            if self._closed:
                return None
            if self._coming.get(name) is deployment:
                del self._coming[name]
            if (self._store.get(self._home.kind, name) or {}).get("EndpointStatus") in (None, "Deleting"):
                reason = reason or "the endpoint is being deleted"
            ended: Deployment | None = deployment
            if not reason:
                ended, self._live[name] = self._live.get(name), deployment
                deployment.become("")
        if ended is not None:
            ended.stop(graceful=not reason or deployment.served)
        return reason

    def _settle(self, name: str, plan: Plan, status: str, reason: str, **changes: Any) -> None:
        """Gives the endpoint that runs, or should run, a plan a status, unless it is being deleted or is gone."""

        def edit(endpoint: dict[str, Any]) -> None:
            plans = [known["id"] for known in (endpoint["Plan"], endpoint["Pending"]) if known]
            # Another endpoint may have the name by now.
            if endpoint["EndpointStatus"] == "Deleting" or plan.id not in plans:
                return
            endpoint.update(changes, EndpointStatus=status, LastModifiedTime=time.time())
            endpoint.pop("FailureReason", None)
            if reason:
                endpoint["FailureReason"] = reason[:_REASON_CHARACTERS]

        self._edit(name, edit)

    def _watched(self, name: str, deployment: Deployment | None) -> None:
        """An instance's state changed: the endpoint tells when it does not serve, and when it does again."""
        with self._lock:
            if self._closed or deployment is None or self._live.get(name) is not deployment:
                return
        failure = deployment.failure()
        status = "Failed" if failure else "InService" if deployment.healthy() else "SystemUpdating"

        def edit(endpoint: dict[str, Any]) -> None:
            if endpoint["EndpointStatus"] in SERVING and endpoint["EndpointStatus"] != status:
                endpoint.update(EndpointStatus=status, LastModifiedTime=time.time())
                if failure:
                    endpoint["FailureReason"] = failure[:_REASON_CHARACTERS]

        self._edit(name, edit)

    def _edit(self, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
        try:
            self._store.modify(self._home.kind, name, edit)
        except ServiceError:
            _log.info("endpoint %s is gone", name)

    def _clear(self, endpoint: Mapping[str, Any]) -> None:
        """Removes files of deployments that the end of the cloud cut off."""
        known = {plan["id"] for plan in (endpoint["Plan"], endpoint["Pending"]) if plan}
        root = folder(self._context, endpoint["Name"], self._home)
        for path in root.iterdir() if root.is_dir() else ():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

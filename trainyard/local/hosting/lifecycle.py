"""What becomes of endpoints: started, replaced and ended on threads of their own, and served again after a restart."""

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.hosting.deployment import ENDPOINTS, Deployment, Home, folder
from trainyard.local.hosting.fleets import Fleets
from trainyard.local.hosting.guardrails import Guardrails, guardrails
from trainyard.local.hosting.plan import Plan
from trainyard.local.hosting.rollout import Rollout
from trainyard.local.hosting.statuses import Statuses
from trainyard.local.hosting.workers import Workers
from trainyard.local.update_alarms import Alarms

_JOIN_SECONDS = 60.0
_DELETED = "the endpoint is being deleted"
_log = logging.getLogger(__name__)


def _start(deployment: Deployment) -> str:
    return deployment.start()


class Lifecycle:
    """How the deployments of all endpoints, or of all inference components, begin, follow each other and end."""

    def __init__(self, context: Context, home: Home = ENDPOINTS) -> None:
        """Starts nothing.

        Args:
            context: the rest of the cloud.
            home: what it is the lifecycle of: endpoints, or inference components.
        """
        self._context, self._home = context, home
        self._store = context.store
        self._statuses = Statuses(context.store, home.kind)
        self._workers = Workers()
        self.fleets = Fleets()
        """What serves now."""

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
                self._workers.launch(f"serve endpoint {name}", self._resume, name, {**endpoint, "Pending": None})
            elif status != "Failed":
                self._store.update(self._home.kind, name, EndpointStatus="SystemUpdating")
                self._workers.launch(f"serve endpoint {name}", self._resume, name, endpoint)

    def stop(self) -> None:
        """Ends every model server; the endpoints stay as they are for the next start."""
        self._workers.close()
        stopping = [
            threading.Thread(target=deployment.stop, kwargs={"graceful": False, "keep": True}, name="stop endpoint")
            for deployment in self.fleets.close()
        ]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join(_JOIN_SECONDS)
        self._workers.join(_JOIN_SECONDS)

    def create(self, name: str, plan: Plan) -> None:
        """Has a new endpoint served."""
        self._workers.launch(f"create endpoint {name}", self._create, name, plan)

    def update(self, name: str, plan: Plan, guard: Guardrails) -> None:
        """Has an endpoint serve something else."""
        self._workers.launch(f"update endpoint {name}", self._update, name, plan, guard)

    def scale(self, name: str, plan: Plan) -> None:
        """Gives the variants of an endpoint the numbers of instances that its plan has now."""
        self._workers.launch(f"scale endpoint {name}", self._scale, name, plan)

    def delete(self, name: str) -> None:
        """Has an endpoint end."""
        self._workers.launch(f"delete endpoint {name}", self._delete, name)

    def _create(self, name: str, plan: Plan) -> None:
        reason = self._deploy(name, plan)
        if reason:
            self._statuses.settle(name, plan, "Failed", reason)
        elif reason is not None:
            self._statuses.settle(name, plan, "InService", "", Plan=plan.to_json(), Pending=None)
            self._watched(name, self.fleets.live(name))

    def _update(self, name: str, plan: Plan, guard: Guardrails) -> None:
        def forward(green: Deployment) -> str:
            blue = self.fleets.live(name)
            if blue is None:
                return _DELETED
            rollout = Rollout(
                blue, green, guard, Alarms(lambda: self._watcher(blue), guard.alarms),
                cancelled=lambda: self.fleets.closed or blue.closed or green.closed,
                rolling_back=lambda reason: self._statuses.settle(name, plan, "RollingBack", reason),
            )  # fmt: skip
            return rollout.run()

        reason = self._deploy(name, plan, forward)
        if reason:
            # The old deployment never stopped serving.
            self._statuses.settle(name, plan, "InService", reason, Pending=None)
        elif reason is not None:
            changes = {"Plan": plan.to_json(), "Pending": None, "EndpointConfigName": plan.config}
            self._statuses.settle(name, plan, "InService", "", **changes)
        if reason is not None:
            self._watched(name, self.fleets.live(name))

    def _watcher(self, blue: Deployment) -> Any:
        return self._context.platform.role_client("cloudwatch", blue.plan.variants[0].role, "SageMaker")

    def _scale(self, name: str, plan: Plan) -> None:
        live = self.fleets.live(name)
        if live is None:
            return
        before = {variant.plan.name: len(variant.replicas) for variant in live.variants}
        reason = live.scale({variant.name: variant.count for variant in plan.variants})
        if not self.fleets.closed:
            self._statuses.scaled(name, plan, reason, before)
            self._watched(name, live)

    def _resume(self, name: str, endpoint: Mapping[str, Any]) -> None:
        plan = Plan.from_json(endpoint["Plan"])
        reason = self._deploy(name, plan)
        if reason:
            self._statuses.settle(name, plan, "Failed", reason)
        elif reason is not None and endpoint["Pending"]:
            # The update begins again: its first steps were lost with the fleet that had taken them.
            self._statuses.settle(name, plan, "Updating", "")
            self._update(name, Plan.from_json(endpoint["Pending"]), guardrails(endpoint.get("LastDeploymentConfig")))
        elif reason is not None:
            self._statuses.settle(name, plan, "InService", endpoint.get("FailureReason", ""))
            self._watched(name, self.fleets.live(name))

    def _delete(self, name: str) -> None:
        for deployment in self.fleets.remove(name):
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
        if not self.fleets.announce(name, deployment):
            return None
        try:
            reason = bring(deployment)
        except Exception as error:
            _log.exception("deployment of %s", name)
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        # A deletion that begins now finds it in its new place.
        with self.fleets.lock:
            if self.fleets.closed:
                return None
            self.fleets.withdraw(name, deployment)
            if not self._statuses.wanted(name):
                reason = reason or _DELETED
            ended = deployment if reason else self.fleets.replace(name, deployment)
        if ended is not None:
            ended.stop(graceful=not reason or deployment.served)
        return reason

    def _watched(self, name: str, deployment: Deployment | None) -> None:
        if deployment is not None and not self.fleets.closed and self.fleets.live(name) is deployment:
            self._statuses.seen(name, deployment.failure(), healthy=deployment.healthy())

    def _clear(self, endpoint: Mapping[str, Any]) -> None:
        """Removes files of deployments that the end of the cloud cut off."""
        known = {plan["id"] for plan in (endpoint["Plan"], endpoint["Pending"]) if plan}
        root = folder(self._context, endpoint["Name"], self._home)
        for path in root.iterdir() if root.is_dir() else ():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

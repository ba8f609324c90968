"""Statuses of endpoints, and of inference components, as their documents tell them."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.store import Store
from trainyard.local.hosting.plan import Plan

SERVING = ("InService", "SystemUpdating")
"""Statuses in which an endpoint has a deployment."""
_REASON_CHARACTERS = 1024
_log = logging.getLogger(__name__)


class Statuses:
    """Writes what becomes of a plan into the document of whatever has it."""

    def __init__(self, store: Store, kind: str) -> None:
        """Of the documents of a kind in the store."""
        self._store, self._kind = store, kind

    def wanted(self, name: str) -> bool:
        """Whether it exists and is not being deleted."""
        return (self._store.get(self._kind, name) or {}).get("EndpointStatus") not in (None, "Deleting")

    def settle(self, name: str, plan: Plan, status: str, reason: str, **changes: Any) -> None:
        """Gives the endpoint that runs, or should run, a plan a status, unless it is being deleted or is gone."""

        def edit(endpoint: dict[str, Any]) -> None:
            plans = [known["id"] for known in (endpoint["Plan"], endpoint["Pending"]) if known]
            # Another endpoint may have the name by now.
            if endpoint["EndpointStatus"] == "Deleting" or plan.id not in plans:
                return
            endpoint.update(changes, EndpointStatus=status, LastModifiedTime=time.time())
            _explain(endpoint, reason)

        self._edit(name, edit)

    def scaled(self, name: str, plan: Plan, reason: str, before: Mapping[str, int]) -> None:
        """Ends an update of the numbers of instances.

        Args:
            name: of the endpoint.
            plan: with the numbers that were wanted.
            reason: why they did not come about, or nothing.
            before: the numbers that it keeps then, by variant.
        """

        def edit(endpoint: dict[str, Any]) -> None:
            if endpoint["EndpointStatus"] != "Updating" or not endpoint["Plan"] or endpoint["Plan"]["id"] != plan.id:
                return
            endpoint.update(EndpointStatus="InService", LastModifiedTime=time.time())
            _explain(endpoint, reason)
            if reason:
                for variant in endpoint["Plan"]["variants"]:
                    variant["count"] = before[variant["name"]]

        self._edit(name, edit)

    def seen(self, name: str, failure: str, *, healthy: bool) -> None:
        """An instance's state changed: the endpoint tells when it does not serve, and when it does again."""
        status = "Failed" if failure else "InService" if healthy else "SystemUpdating"

        def edit(endpoint: dict[str, Any]) -> None:
            if endpoint["EndpointStatus"] in SERVING and endpoint["EndpointStatus"] != status:
                endpoint.update(EndpointStatus=status, LastModifiedTime=time.time())
                if failure:
                    endpoint["FailureReason"] = failure[:_REASON_CHARACTERS]

        self._edit(name, edit)

    def _edit(self, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
        try:
            self._store.modify(self._kind, name, edit)
        except ServiceError:
            _log.info("endpoint %s is gone", name)


def _explain(endpoint: dict[str, Any], reason: str) -> None:
    endpoint.pop("FailureReason", None)
    if reason:
        endpoint["FailureReason"] = reason[:_REASON_CHARACTERS]

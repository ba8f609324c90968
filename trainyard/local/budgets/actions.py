"""Budget actions: CreateBudgetAction and its kin, ExecuteBudgetAction, and what an action does.

Statuses: "Action", AWS Budgets API reference; "Configuring AWS Budgets actions", AWS Cost Management User Guide, read
2026-11-22. An attached policy stays until somebody reverses the action.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.api.store import Document
from trainyard.local.budgets.budgets import Budgets, missing, refused
from trainyard.local.budgets.notices import check_subscribers, topics

ACTION = "BudgetAction"
RoleClient = Callable[[str, str], Any]
"""Gives a client (service, role ARN) with a session that AWS Budgets opened."""
_FIELDS = ("NotificationType", "ActionThreshold", "Definition", "ExecutionRoleArn", "ApprovalModel", "Subscribers")
_FROM = {
    "APPROVE_BUDGET_ACTION": ("PENDING",),
    "RETRY_BUDGET_ACTION": ("EXECUTION_FAILURE", "REVERSE_FAILURE"),
    "REVERSE_BUDGET_ACTION": ("EXECUTION_SUCCESS", "REVERSE_FAILURE"),
    "RESET_BUDGET_ACTION": ("REVERSE_SUCCESS", "EXECUTION_SUCCESS", "EXECUTION_FAILURE", "PENDING"),
}
_log = logging.getLogger(__name__)


class Actions:
    """The family of actions."""

    def __init__(
        self, context: Context, budgets: Budgets, publish: Callable[[str, str, str], None], role_client: RoleClient
    ) -> None:
        """Takes what the families share, who is told, and sessions of execution roles."""
        self._context, self._store, self._budgets = context, context.store, budgets
        self._publish, self._role_client = publish, role_client

    @operation("CreateBudgetAction")
    def create(self, request: Request, _: Caller) -> Answer:
        """Puts an action on a budget."""
        name = self._budgets.get(request)["Name"]
        self._check(request)
        identity = str(uuid.uuid4())
        action = {name: request[name] for name in (*_FIELDS, "BudgetName", "ActionType")}
        document = {
            "Action": {**action, "ActionId": identity, "Status": "STANDBY"},
            "Arn": f"{self._budgets.arn(name)}/action/{identity}",
            "Tags": request.get("ResourceTags", []),
            "History": [],
        }
        self._store.insert(ACTION, _key(name, identity), document)
        return {"AccountId": request["AccountId"], "BudgetName": name, "ActionId": identity}

    @operation("DescribeBudgetAction")
    def describe(self, request: Request, _: Caller) -> Answer:
        """An action with its status."""
        return {**_named(request), "Action": self._get(request)["Action"]}

    @operation("DescribeBudgetActionsForBudget")
    def describe_of_budget(self, request: Request, _: Caller) -> Answer:
        """The actions of a budget."""
        self._budgets.get(request)
        return page(self.of(request["BudgetName"]), request, "Actions", identity="ActionId", default=100)

    @operation("DescribeBudgetActionsForAccount")
    def describe_all(self, request: Request, _: Caller) -> Answer:
        """The actions of all budgets."""
        self._budgets.check_account(request)
        rows = [row["Action"] for row in self._store.list(ACTION)]
        return page(rows, request, "Actions", identity="ActionId", default=100)

    @operation("DescribeBudgetActionHistories")
    def histories(self, request: Request, _: Caller) -> Answer:
        """What became of an action, newest first."""
        return page(self._get(request)["History"][::-1], request, "ActionHistories", default=100)

    @operation("UpdateBudgetAction")
    def update(self, request: Request, _: Caller) -> Answer:
        """Changes an action that is not under way."""
        before = dict(self._get(request)["Action"])
        changed = {**before, **{name: request[name] for name in _FIELDS if name in request}}
        self._check({**changed, "AccountId": request["AccountId"]})
        key = _key(request["BudgetName"], request["ActionId"])
        after = self._store.modify(ACTION, key, lambda document: document.update(Action=changed))["Action"]
        return {**_named(request), "OldAction": before, "NewAction": after}

    @operation("DeleteBudgetAction")
    def delete(self, request: Request, _: Caller) -> Answer:
        """Removes an action; what it attached stays attached."""
        found = self._get(request)
        self._store.delete(ACTION, _key(request["BudgetName"], request["ActionId"]))
        return {**_named(request), "Action": found["Action"]}

    @operation("ExecuteBudgetAction")
    def execute(self, request: Request, _: Caller) -> Answer:
        """Approves, tries again, reverses or resets an action."""
        status, wanted = self._get(request)["Action"]["Status"], request["ExecutionType"]
        if status not in _FROM[wanted]:
            raise ServiceError(
                "ResourceLockedException",
                f"{wanted} wants the status {' or '.join(_FROM[wanted])}, but the action is {status}.",
            )
        name, identity = request["BudgetName"], request["ActionId"]
        if wanted == "RESET_BUDGET_ACTION":
            self._enter(name, identity, "STANDBY", "EXECUTE_ACTION", "Reset")
        elif wanted == "REVERSE_BUDGET_ACTION" or status == "REVERSE_FAILURE":
            self.run(name, identity, reverse=True)
        else:
            self.run(name, identity)
        return {**_named(request), "ActionId": identity, "ExecutionType": wanted}

    def of(self, budget: str) -> list[dict[str, Any]]:
        """The actions of a budget."""
        return [row["Action"] for row in self._store.list(ACTION, prefix=f"{budget}\n")]

    def trigger(self, budget: str, action: Mapping[str, Any], message: str) -> None:
        """Does what an action does when its threshold is reached: runs, or waits for an approval; tells in both cases.

        Args:
            budget: the budget's name.
            action: the action as of now.
            message: what its subscribers are told.
        """
        if action["Status"] != "STANDBY":
            return
        if action["ApprovalModel"] == "MANUAL":
            self._enter(budget, action["ActionId"], "PENDING", "CREATE_ACTION", "Threshold reached: waits for approval")
        else:
            self.run(budget, action["ActionId"])
        for topic in topics(action["Subscribers"]):
            self._publish(topic, f"AWS Budgets: action of {budget}", message)

    def begin_period(self, budget: str) -> None:
        """Puts actions of a budget on duty again whose policy is not attached."""
        for action in self.of(budget):
            if action["Status"] in ("PENDING", "REVERSE_SUCCESS", "EXECUTION_FAILURE"):
                self._enter(budget, action["ActionId"], "STANDBY", "SYSTEM", "A new period began")

    def run(self, budget: str, identity: str, *, reverse: bool = False) -> None:
        """Attaches the policy to its roles, groups and users with a session of the execution role, or detaches it."""
        word = "REVERSE" if reverse else "EXECUTION"
        action = self._enter(budget, identity, f"{word}_IN_PROGRESS", "EXECUTE_ACTION", "Started")["Action"]
        definition = action["Definition"]["IamActionDefinition"]
        try:
            client = self._role_client("iam", action["ExecutionRoleArn"])
            for kind in ("Role", "Group", "User"):
                for entity in definition.get(f"{kind}s", []):
                    verb = "detach" if reverse else "attach"
                    call = getattr(client, f"{verb}_{kind.lower()}_policy")
                    call(**{f"{kind}Name": entity.rpartition("/")[2], "PolicyArn": definition["PolicyArn"]})
        except (ClientError, ServiceError) as error:
            _log.warning("action of the budget %s: %s", budget, error)
            self._enter(budget, identity, f"{word}_FAILURE", "EXECUTE_ACTION", str(error))
            return
        self._enter(budget, identity, f"{word}_SUCCESS", "EXECUTE_ACTION", f"{definition['PolicyArn']}")

    def _enter(self, budget: str, identity: str, status: str, event: str, message: str) -> Document:
        def change(document: Document) -> None:
            document["Action"]["Status"] = status
            document["History"].append(
                {"Timestamp": time.time(), "Status": status, "EventType": event,
                 "ActionHistoryDetails": {"Message": message, "Action": document["Action"]}}
            )  # fmt: skip

        return self._store.modify(ACTION, _key(budget, identity), change)

    def _get(self, request: Mapping[str, Any]) -> Document:
        self._budgets.get(request)
        found = self._store.get(ACTION, _key(request["BudgetName"], request["ActionId"]))
        if found is None:
            raise missing(f"action {request['ActionId']} of budget {request['BudgetName']}")
        return found

    def _check(self, request: Mapping[str, Any]) -> None:
        definition = request["Definition"]
        if request["ActionType"] != "APPLY_IAM_POLICY" or set(definition) != {"IamActionDefinition"}:
            raise refused(
                f"ActionType: got {request['ActionType']}, but the embedded cloud has neither an organisation nor "
                "instances to stop. Take APPLY_IAM_POLICY with an IamActionDefinition."
            )
        found = definition["IamActionDefinition"]
        if not any(found.get(kind) for kind in ("Roles", "Groups", "Users")):
            raise refused("Definition.IamActionDefinition: name a role, a group or a user.")
        check_subscribers(request["Subscribers"], self._context.platform)
        if not self._context.platform.exists("budgets_role", request["ExecutionRoleArn"]):
            raise refused(
                f"ExecutionRoleArn: {request['ExecutionRoleArn']} does not exist, or does not trust "
                "budgets.amazonaws.com."
            )


def _key(budget: str, identity: str) -> str:
    # No budget's name holds a line break.
    return f"{budget}\n{identity}"


def _named(request: Mapping[str, Any]) -> dict[str, Any]:
    return {"AccountId": request["AccountId"], "BudgetName": request["BudgetName"]}

"""Readers of budgets and their actions."""

from typing import Any

from trainyard.local.readback.readers.base import Deployed, Reader

_BUDGET = ("BudgetLimit", "BudgetName", "BudgetType", "CostFilters", "TimeUnit")
_ACTION = ("ActionType", "ApprovalModel", "BudgetName", "Definition", "ExecutionRoleArn", "NotificationType")


def _account(deployed: Deployed) -> str:
    return str(deployed.call("sts", "get_caller_identity")["Account"])


def _labels(deployed: Deployed, path: str) -> list[dict[str, str]]:
    arn = f"arn:aws:budgets::{_account(deployed)}:budget/{path}"
    found: list[dict[str, str]] = deployed.call("budgets", "list_tags_for_resource", ResourceARN=arn)["ResourceTags"]
    return found


def _budget(deployed: Deployed) -> dict[str, Any]:
    name = {"AccountId": _account(deployed), "BudgetName": deployed.physical_id}
    found = deployed.call("budgets", "describe_budget", **name)["Budget"]
    rows = deployed.call("budgets", "describe_notifications_for_budget", **name)["Notifications"]
    notifications = []
    for row in rows:
        told = deployed.call("budgets", "describe_subscribers_for_notification", **name, Notification=row)
        kept = {key: value for key, value in row.items() if key != "NotificationState"}
        notifications.append({"Notification": kept, "Subscribers": told["Subscribers"]})
    return {
        "Budget": {key: found[key] for key in _BUDGET if found.get(key)},
        "NotificationsWithSubscribers": notifications,
        "ResourceTags": _labels(deployed, deployed.physical_id),
    }


def _action(deployed: Deployed) -> dict[str, Any]:
    identity, _, budget = deployed.physical_id.partition("|")
    found = deployed.call(
        "budgets", "describe_budget_action", AccountId=_account(deployed), BudgetName=budget, ActionId=identity
    )["Action"]
    threshold = found["ActionThreshold"]
    return {
        **{name: found[name] for name in _ACTION},
        "ActionThreshold": {"Type": threshold["ActionThresholdType"], "Value": threshold["ActionThresholdValue"]},
        "Subscribers": [{"Type": row["SubscriptionType"], "Address": row["Address"]} for row in found["Subscribers"]],
        "ResourceTags": _labels(deployed, f"{budget}/action/{identity}"),
    }


READERS = {
    "AWS::Budgets::Budget": Reader(read=_budget, defaults={"ResourceTags": []}),
    "AWS::Budgets::BudgetsAction": Reader(
        read=_action, attribute=lambda deployed, name: {"ActionId": deployed.physical_id.partition("|")[0]}.get(name)
    ),
}

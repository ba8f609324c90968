"""Notifications of a budget: what they may be, when they are due, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Platform
from trainyard.local.budgets.spend import month_of

_MOST = 10
"""Notifications of a budget (API_Notification, AWS Budgets API reference, read 2026-11-22)."""


def check_notifications(rows: Sequence[Mapping[str, Any]], platform: Platform) -> None:
    """Refuse the notifications of a budget.

    Raises:
        ServiceError: InvalidParameterException, CreationLimitExceededException or DuplicateRecordException.
    """
    if len(rows) > _MOST:
        raise ServiceError("CreationLimitExceededException", f"A budget has at most {_MOST} notifications.")
    keys = [key(row["Notification"]) for row in rows]
    if len(set(keys)) < len(keys):
        raise ServiceError("DuplicateRecordException", "Notifications: two of them are the same. Remove one.")
    for row in rows:
        check_subscribers(row["Subscribers"], platform)


def check_subscribers(rows: Sequence[Mapping[str, Any]], platform: Platform) -> None:
    """Refuse the subscribers of a notification or an action: ten addresses and one topic that exists.

    Raises:
        ServiceError: InvalidParameterException.
    """
    topics = [row["Address"] for row in rows if row["SubscriptionType"] == "SNS"]
    if len(topics) > 1:
        raise ServiceError("InvalidParameterException", "Subscribers: one of them may be a topic. Remove the others.")
    for topic in topics:
        if not platform.exists("topic", topic):
            raise ServiceError("InvalidParameterException", f"Subscribers: the topic {topic} does not exist.")


def key(notification: Mapping[str, Any]) -> tuple[str, str, float, str]:
    """What tells one notification of a budget from another."""
    return (
        notification["NotificationType"],
        notification["ComparisonOperator"],
        float(notification["Threshold"]),
        notification.get("ThresholdType", "PERCENTAGE"),
    )


def reached(spend: Mapping[str, float | None], kind: str, operator: str, threshold: float, usd: float) -> bool:
    """Whether spend is where a threshold is.

    Args:
        spend: Actual and Forecast, in USD.
        kind: ACTUAL or FORECASTED.
        operator: GREATER_THAN, LESS_THAN or EQUAL_TO.
        threshold: per cent of the limit, or USD where ``usd`` is 1.
        usd: what one of the threshold's units is, in USD.
    """
    value = spend["Actual" if kind == "ACTUAL" else "Forecast"]
    if value is None:
        return False
    limit = threshold * usd
    return {"GREATER_THAN": value > limit, "LESS_THAN": value < limit, "EQUAL_TO": value == limit}[operator]


def unit(threshold_type: str, budget: Mapping[str, Any]) -> float:
    """What one unit of a threshold is, in USD."""
    return 1.0 if threshold_type == "ABSOLUTE_VALUE" else float(budget["BudgetLimit"]["Amount"]) / 100


def message(
    account: str, budget: Mapping[str, Any], spend: Mapping[str, Any], due: Mapping[str, Any], now: float
) -> str:
    """What a topic is told: account, budget, limit, spend, threshold."""
    sign = "%" if due.get("ThresholdType", "PERCENTAGE") == "PERCENTAGE" else " USD"
    lines = [
        f"AWS Budget Notification {month_of(now)}",
        f"AWS Account {account}",
        "",
        f"Budget Name: {budget['BudgetName']}",
        f"Budget Type: {budget['BudgetType']}, {budget['TimeUnit']}",
        f"Budgeted Amount: {budget['BudgetLimit']['Amount']} {budget['BudgetLimit']['Unit']}",
        f"Alert Type: {due['NotificationType']}",
        f"Alert Threshold: > {due['Threshold']:g}{sign}",
        f"ACTUAL Amount: {spend['Actual']:.4g} USD",
    ]
    if spend["Forecast"] is not None:
        lines.append(f"FORECASTED Amount: {spend['Forecast']:.4g} USD")
    return "\n".join(lines)


def topics(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The topics among subscribers; addresses of e-mail get nothing from here."""
    return [row["Address"] for row in rows if row["SubscriptionType"] == "SNS"]

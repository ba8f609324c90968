"""CreateBudget, DescribeBudget, DescribeBudgets, UpdateBudget, DeleteBudget, and tags of budgets and their actions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.api.store import Document
from trainyard.local.budgets.notices import check_notifications
from trainyard.local.budgets.periods import TIME_UNITS, period

BUDGET = "Budget"
_RUN_BY_NONE = ("PlannedBudgetLimits", "CostTypes", "AutoAdjustData", "FilterExpression", "Metrics", "BillingViewArn")
_END_OF_TIME = 3706473600.0
"""2087-06-15, the end that AWS gives a budget without one (TimePeriod, AWS Budgets API reference, read 2026-11-22)."""


def refused(message: str) -> ServiceError:
    """A request that breaks a rule."""
    return ServiceError("InvalidParameterException", message)


def missing(what: str) -> ServiceError:
    """Something that is not there."""
    return ServiceError("NotFoundException", f"Unable to find {what}: it does not exist.")


class Budgets:
    """The family of budgets."""

    def __init__(self, context: Context) -> None:
        """Takes what the families share."""
        self._context, self._store = context, context.store

    @operation("CreateBudget")
    def create(self, request: Request, _: Caller) -> Answer:
        """Makes a budget with its notifications."""
        self.check_account(request)
        budget = request["Budget"]
        self._check(budget)
        name, now = budget["BudgetName"], time.time()
        notifications = request.get("NotificationsWithSubscribers", [])
        check_notifications(notifications, self._context.platform)
        if self._store.get(BUDGET, name) is not None:
            raise ServiceError("DuplicateRecordException", f"The budget {name} already exists.")
        document = {
            "Name": name,
            "Budget": {**budget, "TimePeriod": _time_period(budget, now), "LastUpdatedTime": now},
            "Spend": {"Actual": 0.0, "Forecast": None},
            "Notifications": [
                {"Notification": {"ThresholdType": "PERCENTAGE", "NotificationState": "OK", **row["Notification"]},
                 "Subscribers": row["Subscribers"]} for row in notifications
            ],
            "Arn": self.arn(name),
            "Tags": request.get("ResourceTags", []),
        }  # fmt: skip
        self._store.insert(BUDGET, name, document)
        return {}

    @operation("DescribeBudget")
    def describe(self, request: Request, _: Caller) -> Answer:
        """A budget with what was spent of it."""
        return {"Budget": shown(self.get(request))}

    @operation("DescribeBudgets")
    def describe_all(self, request: Request, _: Caller) -> Answer:
        """All budgets of the account."""
        self.check_account(request)
        rows = [shown(document) for document in self._store.list(BUDGET)]
        return page(rows, request, "Budgets", identity="BudgetName", default=100)

    @operation("UpdateBudget")
    def update(self, request: Request, _: Caller) -> Answer:
        """Changes a budget, for example its limit; the next evaluation counts by it."""
        self.check_account(request)
        budget = request["NewBudget"]
        self._check(budget)
        self.get({**request, "BudgetName": budget["BudgetName"]})

        def change(document: Document) -> None:
            begun = document["Budget"]["TimePeriod"]
            if document["Budget"]["TimeUnit"] != budget["TimeUnit"]:
                raise refused("TimeUnit: it cannot be changed. Make another budget.")
            period_of = {**begun, **budget.get("TimePeriod", {})}
            document["Budget"] = {**budget, "TimePeriod": period_of, "LastUpdatedTime": time.time()}

        self._store.modify(BUDGET, budget["BudgetName"], change)
        return {}

    @operation("DeleteBudget")
    def delete(self, request: Request, _: Caller) -> Answer:
        """Removes a budget with its notifications and actions; policies that these attached stay where they are."""
        name = self.get(request)["Name"]
        for action in self._store.list("BudgetAction", prefix=f"{name}\n"):
            self._store.delete("BudgetAction", f"{name}\n{action['Action']['ActionId']}")
        self._store.delete(BUDGET, name)
        return {}

    @operation("TagResource")
    def tag(self, request: Request, _: Caller) -> Answer:
        """Adds tags, or gives those there are new values."""
        return self._retag(
            request["ResourceARN"],
            lambda tags: tags | {row["Key"]: row["Value"] for row in request["ResourceTags"]},
        )

    @operation("UntagResource")
    def untag(self, request: Request, _: Caller) -> Answer:
        """Removes tags by key."""
        gone = request["ResourceTagKeys"]
        return self._retag(request["ResourceARN"], lambda tags: {k: v for k, v in tags.items() if k not in gone})

    @operation("ListTagsForResource")
    def tags(self, request: Request, _: Caller) -> Answer:
        """The tags of a budget or an action."""
        found = self._store.find("Arn", request["ResourceARN"])
        if found is None:
            raise missing(request["ResourceARN"])
        return {"ResourceTags": found[2]["Tags"]}

    def arn(self, name: str) -> str:
        """Of a budget: they belong to no region."""
        return f"arn:aws:budgets::{self._context.account}:budget/{name}"

    def check_account(self, request: Mapping[str, Any]) -> None:
        """Refuses another account's budgets.

        Raises:
            ServiceError: AccessDeniedException.
        """
        if request["AccountId"] != self._context.account:
            raise ServiceError("AccessDeniedException", f"Account {request['AccountId']} is not the caller's.")

    def get(self, request: Mapping[str, Any]) -> Document:
        """The document of a request's budget.

        Raises:
            ServiceError: NotFoundException, or AccessDeniedException for another account.
        """
        self.check_account(request)
        found = self._store.get(BUDGET, request["BudgetName"])
        if found is None:
            raise missing(f"budget {request['BudgetName']}")
        return found

    def _retag(self, arn: str, changed: Callable[[dict[str, str]], dict[str, str]]) -> Answer:
        found = self._store.find("Arn", arn)
        if found is None:
            raise missing(arn)

        def change(document: Document) -> None:
            tags = changed({row["Key"]: row["Value"] for row in document["Tags"]})
            document["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]

        self._store.modify(found[0], found[1], change)
        return {}

    @staticmethod
    def _check(budget: Mapping[str, Any]) -> None:
        for name in _RUN_BY_NONE:
            if budget.get(name):
                raise refused(f"{name}: the embedded cloud does not run this. Leave it out for this environment.")
        if budget["BudgetType"] != "COST":
            raise refused(f"BudgetType: got {budget['BudgetType']}, but the embedded cloud runs COST.")
        if budget["TimeUnit"] not in TIME_UNITS:
            raise refused(f"TimeUnit: got {budget['TimeUnit']}, but the embedded cloud runs {', '.join(TIME_UNITS)}.")
        if "BudgetLimit" not in budget:
            raise refused("BudgetLimit: a cost budget has one. Give Amount and Unit.")
        if budget["BudgetLimit"]["Unit"] != "USD" or float(budget["BudgetLimit"]["Amount"]) <= 0:
            raise refused("BudgetLimit: it is more than 0 USD.")
        filters = budget.get("CostFilters", {})
        if set(filters) - {"TagKeyValue"}:
            raise refused(f"CostFilters: got {', '.join(sorted(filters))}, but the embedded cloud runs TagKeyValue.")
        for text in filters.get("TagKeyValue", ()):
            if not text.startswith("user:") or "$" not in text:
                raise refused(f"CostFilters.TagKeyValue: got {text!r}, but a filter is written user:KEY$VALUE.")


def _time_period(budget: Mapping[str, Any], now: float) -> dict[str, float]:
    return {"Start": period(budget["TimeUnit"], now)[0], "End": _END_OF_TIME, **budget.get("TimePeriod", {})}


def shown(document: Document) -> dict[str, Any]:
    """A budget as DescribeBudget shows it."""
    spend = document["Spend"]
    calculated = {"ActualSpend": _amount(spend["Actual"])}
    if spend["Forecast"] is not None:
        calculated["ForecastedSpend"] = _amount(spend["Forecast"])
    return {**document["Budget"], "CalculatedSpend": calculated}


def _amount(usd: float) -> dict[str, str]:
    # AWS shows cents; what a minute costs here is less than one.
    return {"Amount": f"{usd:.6f}", "Unit": "USD"}

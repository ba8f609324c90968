"""Operations on the notifications of a budget and their subscribers."""

from __future__ import annotations

from collections.abc import Callable

from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.api.store import Document
from trainyard.local.budgets.budgets import BUDGET, Budgets, missing
from trainyard.local.budgets.notices import check_notifications, key


class Notifications:
    """The family of notifications."""

    def __init__(self, context: Context, budgets: Budgets) -> None:
        """Takes what the families share."""
        self._context, self._store, self._budgets = context, context.store, budgets

    @operation("DescribeNotificationsForBudget")
    def describe(self, request: Request, _: Caller) -> Answer:
        """The notifications of a budget with their states."""
        rows = [row["Notification"] for row in self._budgets.get(request)["Notifications"]]
        return page(rows, request, "Notifications", default=100)

    @operation("DescribeSubscribersForNotification")
    def subscribers(self, request: Request, _: Caller) -> Answer:
        """Who is told."""
        document = self._budgets.get(request)
        return page(_row(document, request)["Subscribers"], request, "Subscribers", default=100)

    @operation("CreateNotification")
    def create(self, request: Request, _: Caller) -> Answer:
        """Adds one to a budget."""
        added = {"Notification": {"ThresholdType": "PERCENTAGE", "NotificationState": "OK", **request["Notification"]},
                 "Subscribers": request["Subscribers"]}  # fmt: skip

        def change(document: Document) -> None:
            check_notifications([*document["Notifications"], added], self._context.platform)
            document["Notifications"].append(added)

        return self._change(request, change)

    @operation("DeleteNotification")
    def delete(self, request: Request, _: Caller) -> Answer:
        """Removes one from a budget."""

        def change(document: Document) -> None:
            document["Notifications"].remove(_row(document, request))

        return self._change(request, change)

    @operation("UpdateNotification")
    def update(self, request: Request, _: Caller) -> Answer:
        """Changes one; it is due anew."""

        def change(document: Document) -> None:
            row = _row(document, {"Notification": request["OldNotification"]})
            row["Notification"] = {
                "ThresholdType": "PERCENTAGE", "NotificationState": "OK", **request["NewNotification"]
            }  # fmt: skip
            check_notifications(document["Notifications"], self._context.platform)

        return self._change(request, change)

    def _change(self, request: Request, change: Callable[[Document], None]) -> Answer:
        self._store.modify(BUDGET, self._budgets.get(request)["Name"], change)
        return {}


def _row(document: Document, request: Request) -> Document:
    wanted = key(request["Notification"])
    for row in document["Notifications"]:
        if key(row["Notification"]) == wanted:
            found: Document = row
            return found
    raise missing(f"notification {wanted} of budget {document['Name']}")

"""The evaluation of budgets: a thread that adds up, tells, and acts.

AWS evaluates "up to three times a day, typically 8 to 12 hours after the previous update" ("Managing your costs with
AWS Budgets", AWS Cost Management User Guide, read 2026-11-22); here `Context.budget_seconds` says how often.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.api.store import Document
from trainyard.local.budgets.actions import Actions
from trainyard.local.budgets.budgets import BUDGET, Budgets
from trainyard.local.budgets.notices import message, reached, topics, unit
from trainyard.local.budgets.periods import counted, forecast, period
from trainyard.local.budgets.spend import Charge, Spend

_log = logging.getLogger(__name__)


class Evaluation:
    """Evaluates every budget from time to time; answers no operation."""

    def __init__(
        self,
        context: Context,
        budgets: Budgets,
        actions: Actions,
        spend: Spend,
        publish: Callable[[str, str, str], None],
    ) -> None:
        """Starts nothing."""
        self._context, self._store = context, context.store
        self._budgets, self._actions, self._spend, self._publish = budgets, actions, spend, publish
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins."""
        self._thread = threading.Thread(target=self._run, name="budgets", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._context.budget_seconds):
            # Where nobody keeps a budget nothing is metered either: what a demo costs is nobody's business.
            if self._store.list(BUDGET):
                try:
                    self.look(time.time())
                except Exception:
                    _log.exception("budgets")

    def look(self, now: float) -> None:
        """Evaluates every budget once.

        Args:
            now: seconds since 1970.
        """
        self._spend.look(now)
        charges = self._spend.charges(now)
        for document in self._store.list(BUDGET):
            self._evaluate(document, charges, now)

    def _evaluate(self, document: Document, charges: Sequence[Charge], now: float) -> None:
        budget, name = document["Budget"], document["Name"]
        time_period = budget["TimePeriod"]
        if not time_period["Start"] <= now < time_period["End"]:
            return
        begin = period(budget["TimeUnit"], now)[0]
        mine = [row for row in charges if counted(row.tags, budget.get("CostFilters", {}))]
        spend = {
            "Actual": sum(row.usd for row in mine if row.time >= begin),
            "Forecast": forecast(mine, budget["TimeUnit"], now),
        }
        new_period = document["Spend"].get("Begin", begin) != begin
        if new_period:
            self._actions.begin_period(name)
        due: list[dict[str, Any]] = []

        def change(found: Document) -> None:
            found["Spend"] = {**spend, "Begin": begin}
            for row in found["Notifications"]:
                notification = row["Notification"]
                per_unit = unit(notification["ThresholdType"], found["Budget"])
                now_reached = reached(spend, notification["NotificationType"], notification["ComparisonOperator"],
                                      notification["Threshold"], per_unit)  # fmt: skip
                before = "OK" if new_period else notification["NotificationState"]
                notification["NotificationState"] = "ALARM" if now_reached else "OK"
                if now_reached and before == "OK":
                    due.append(row)

        document = self._store.modify(BUDGET, name, change)
        for row in due:
            text = message(self._context.account, document["Budget"], spend, row["Notification"], now)
            for topic in topics(row["Subscribers"]):
                self._publish(topic, f"AWS Budgets: {name} has exceeded your alert threshold", text)
        self._act(document, spend, now)

    def _act(self, document: Document, spend: dict[str, Any], now: float) -> None:
        for action in self._actions.of(document["Name"]):
            threshold = action["ActionThreshold"]
            kind, value = threshold["ActionThresholdType"], threshold["ActionThresholdValue"]
            per_unit = unit(kind, document["Budget"])
            if reached(spend, action["NotificationType"], "GREATER_THAN", value, per_unit):
                due = {"NotificationType": action["NotificationType"], "Threshold": value, "ThresholdType": kind}
                text = message(self._context.account, document["Budget"], spend, due, now)
                self._actions.trigger(document["Name"], action, text)

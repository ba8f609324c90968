"""Budgets with actions: the first two of an account are free of charge."""

from __future__ import annotations

from collections.abc import Iterator

from trainyard.cost.estimators.base import Around, Estimator
from trainyard.cost.lines import HOURS_A_MONTH, Kind, Line
from trainyard.cost.templates import Resource

_FREE = 2
_DAYS_A_MONTH = HOURS_A_MONTH / 24


class BudgetAction(Estimator):
    """By the day and budget, from the third budget with actions on; other stacks of the account are not known here."""

    types = ("AWS::Budgets::BudgetsAction",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        actions = [each for each in around.template.resources.values() if each.type in self.types]
        budgets = list(dict.fromkeys(str(each.properties.get("BudgetName")) for each in actions))
        own = str(resource.properties.get("BudgetName"))
        first = next(each for each in actions if str(each.properties.get("BudgetName")) == own)
        if budgets.index(own) < _FREE:
            how = f"free: the first {_FREE} budgets with actions of an account are"
            yield Line(what="budget with actions", kind=Kind.NOTE, how=how)
        elif resource is first:
            yield around.fixed("budget with actions", "budgets/action-budget-day", _DAYS_A_MONTH)

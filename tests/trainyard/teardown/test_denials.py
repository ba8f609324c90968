"""A used-up budget's policy is detached before roles are deleted."""

from types import SimpleNamespace
from typing import Any

import pytest

from trainyard.operations.connection import OperationError
from trainyard.teardown.looking import Look
from trainyard.teardown.strays.base import When
from trainyard.teardown.strays.denials import denials


class Budgets:
    """An account's budgets with one action."""

    def __init__(self, status: str, after: str = "REVERSE_SUCCESS") -> None:
        self.status, self._after = status, after
        self.asked: list[str] = []

    def can_paginate(self, _operation: str) -> bool:
        return False

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012"}

    def describe_budget_actions_for_budget(self, **_: str) -> dict[str, Any]:
        return {"Actions": [{"ActionId": "a", "Status": self.status}]}

    def describe_budget_action(self, **_: str) -> dict[str, Any]:
        return {"Action": {"Status": self.status}}

    def execute_budget_action(self, **request: str) -> None:
        self.asked.append(request["ExecutionType"])
        self.status = self._after


def found(budgets: Budgets) -> tuple[list[Any], Look]:
    connection: Any = SimpleNamespace(client=lambda _: budgets, cloud=None)
    look = Look(connection)
    around: Any = SimpleNamespace(look=look, of=lambda *_: ["trainyard-dev-spend"])
    return list(denials(around)), look


@pytest.mark.parametrize("status", ["STANDBY", "PENDING", "REVERSE_SUCCESS"])
def test_an_action_that_attached_nothing_is_left_alone(status: str) -> None:
    assert found(Budgets(status))[0] == []


def test_one_that_did_is_reversed_before_anything_else() -> None:
    budgets = Budgets("EXECUTION_SUCCESS")
    (stray,), look = found(budgets)
    assert stray.when is When.TRIGGERS
    stray.remove(look, lambda _: None)
    stray.remove(look, lambda _: None)
    assert budgets.asked == ["REVERSE_BUDGET_ACTION"]


def test_one_that_cannot_be_reversed_says_what_to_do() -> None:
    (stray,), look = found(Budgets("EXECUTION_SUCCESS", after="REVERSE_FAILURE"))
    with pytest.raises(OperationError, match="detach its policy from its roles by hand"):
        stray.remove(look, lambda _: None)

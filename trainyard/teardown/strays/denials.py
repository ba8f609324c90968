"""Policies that used-up budgets attached to roles: neither can be deleted while they hold each other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from trainyard.operations.connection import OperationError
from trainyard.teardown.holders import Say
from trainyard.teardown.looking import Look
from trainyard.teardown.strays.base import Around, Stray, When

_ATTACHED = ("EXECUTION_SUCCESS", "REVERSE_FAILURE")
_GONE = ("NotFoundException",)
_WITHIN_S = 60.0
_POLL_SECONDS = 0.5


def denials(around: Around) -> Iterator[Stray]:
    """What actions of the stacks' budgets did and nobody reversed.

    Args:
        around: What is known.
    """
    budgets = around.of("AWS::Budgets::Budget")
    if not budgets:
        return
    account = str(around.look.client("sts").get_caller_identity()["Account"])
    for name in budgets:
        for action in around.look.of(_GONE, "budgets", "describe_budget_actions_for_budget", "Actions",
                                     AccountId=account, BudgetName=name):  # fmt: skip
            if action["Status"] in _ATTACHED:
                yield Denial(
                    what=f"action of budget {name}",
                    why="its policy is attached to roles, which could not be deleted",
                    when=When.TRIGGERS,
                    account=account,
                    budget=name,
                    action=action["ActionId"],
                )


@dataclass(frozen=True, kw_only=True)
class Denial(Stray):
    """An action that attached its policy."""

    account: str
    budget: str
    action: str

    def remove(self, look: Look, say: Say) -> None:
        named = {"AccountId": self.account, "BudgetName": self.budget, "ActionId": self.action}
        client = look.client("budgets")

        def status() -> str | None:
            found = look.unless(_GONE, lambda: client.describe_budget_action(**named))
            return found["Action"]["Status"] if found else None

        if status() not in _ATTACHED:
            return
        client.execute_budget_action(**named, ExecutionType="REVERSE_BUDGET_ACTION")
        deadline = time.monotonic() + _WITHIN_S
        while (now := status()) not in (None, "REVERSE_SUCCESS"):
            if now == "REVERSE_FAILURE" or time.monotonic() > deadline:
                raise OperationError(f"{self.what} is {now}: detach its policy from its roles by hand")
            time.sleep(_POLL_SECONDS)

"""What an environment says of its spend."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import Field, model_validator

from constructs_lib.budgets import Anomalies, QuotaAlarms, SpendLimit, TeamInstances
from constructs_lib.values import Value
from ml_contract.errors import reject


class Budgets(Value):
    """What an environment may spend."""

    limits: tuple[SpendLimit, ...] = Field(min_length=1)
    """Budgets: of the environment, of teams in it; each with what happens when it is used up."""
    anomalies: Anomalies | None
    """Unusual spend that somebody is told of; None: nobody."""
    quotas: QuotaAlarms | None
    """Quotas of the account that are nearly used up, of which somebody is told; None: nobody."""
    teams: tuple[TeamInstances, ...] = ()
    """What teams may hire at one time; a team that is not named, whatever its budget bears."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        keys = [(limit.team, limit.period) for limit in self.limits]
        if len(set(keys)) < len(keys):
            reject("limits", keys, "a team, or the environment, has one limit a period", "Remove the second.")
        named = [each.team for each in self.teams]
        if len(set(named)) < len(named):
            reject("teams", named, "each team is named once", "Put both into one.")
        return self

    def check(self, teams: Iterable[str], *, told: bool) -> None:
        """Refuse budgets that count nothing, or tell nobody.

        Args:
            teams: Those that pay for something in the environment.
            told: Whether the environment has topics.

        Raises:
            ContractError: With the field's path below ``budgets``.
        """
        known = sorted(set(teams))
        named = [*(("limits", each.team) for each in self.limits if each.team is not None),
                 *(("teams", each.team) for each in self.teams)]  # fmt: skip
        for field, team in named:
            if team not in known:
                reject(f"budgets.{field}.team", team, "nothing in the environment belongs to that team",
                       f"Take one of {', '.join(known)}.")  # fmt: skip
        if not told:
            reject("budgets", "limits", "nobody is told of spend without topics",
                   "Give the environment its topics: operation=Operation(…).")  # fmt: skip

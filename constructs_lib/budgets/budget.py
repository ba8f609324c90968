"""A budget: a limit, who is told, and what happens when it is used up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from constructs_lib.budgets.settings import SpendLimit
from constructs_lib.budgets.tags import ENVIRONMENT, ENVIRONMENT_TEAM, CostTags
from ml_contract.errors import reject
from ml_contract.symptoms import SPEND, Severity

_OF = {"actual": "ACTUAL", "forecast": "FORECASTED"}


class Budget(Construct):
    """Counts what carries the tags of an environment, or of a team in it."""

    name: str
    """Of the budget."""
    action: budgets.CfnBudgetsAction | None
    """What happens at the limit; None where nothing does."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: str,
        limit: SpendLimit,
        topics: Mapping[Severity, sns.ITopic],
        starters: Sequence[iam.IRole],
    ) -> None:
        """Make the budget.

        Args:
            scope: Parent.
            construct_id: Construct id.
            environment: Short name of the environment.
            limit: What may be spent.
            topics: By severity; empty where nobody is told.
            starters: Roles of those who start what costs, whose spend the budget counts.

        Raises:
            ContractError: Nobody is there to be told, or the action has no role to deny anything to.
        """
        super().__init__(scope, construct_id)
        told = [threshold.severity for threshold in limit.thresholds if threshold.severity not in topics]
        if told:
            reject("thresholds", told, "there is no topic of that severity",
                   "Give the environment its topics: operation=Operation(…).")  # fmt: skip
        # AWS never changes the notifications of a budget but replaces it, beside which the name is taken: so that
        # another set of them has another name.
        digest = hashlib.sha256(repr(limit.thresholds).encode()).hexdigest()[:6]
        self.name = f"{SPEND.alarm(environment, limit.team or '')}-{digest}"
        key, value = (ENVIRONMENT, environment) if limit.team is None else (
            ENVIRONMENT_TEAM, CostTags(environment=environment, team=limit.team).values[ENVIRONMENT_TEAM])  # fmt: skip
        self.resource = budgets.CfnBudget(
            self,
            f"Resource{digest}",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=self.name,
                budget_type="COST",
                time_unit=limit.period.upper(),
                budget_limit=budgets.CfnBudget.SpendProperty(amount=limit.usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:{key}${value}"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=_OF[threshold.of],
                        comparison_operator="GREATER_THAN",
                        threshold=threshold.percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[
                        budgets.CfnBudget.SubscriberProperty(
                            subscription_type="SNS", address=topics[threshold.severity].topic_arn
                        )
                    ],
                )
                for threshold in limit.thresholds
            ],
        )
        self.action = limit.used_up.bind(
            self, budget=self.resource.ref, roles=starters, topic=topics.get(SPEND.severity)
        )

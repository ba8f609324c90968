"""What an environment may spend, and who is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.budgets import AnomalyWatch, Budget, activate_command
from constructs_lib.budgets.service_quotas import Use
from constructs_lib.guardrails import Boundary
from constructs_lib.operation import Telling
from stacks.base import EnvironmentStack
from stacks.budgeted import Budgets
from stacks.environment import Environment


class BudgetsStack(EnvironmentStack):
    """Budgets with their actions, and the watch over unusual spend."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        settings: Budgets,
        telling: Telling,
        starters: Mapping[str, Sequence[iam.IRole]],
    ) -> None:
        """Build the stack.

        Args:
            scope: Stage.
            environment: The environment.
            settings: Limits, and what is unusual.
            telling: Who is told.
            starters: Roles that start what costs, by the team that pays.
        """
        super().__init__(scope, "Budgets", environment=environment)
        topics = telling.notifications.topics
        everybody = [role for roles in starters.values() for role in roles]
        self.budgets = []
        for limit in settings.limits:
            whose = (limit.team or "environment").title().replace("-", "")
            budget = Budget(
                self,
                f"{whose}{limit.period.capitalize()}",
                environment=environment.name,
                limit=limit,
                topics=topics,
                starters=everybody if limit.team is None else starters.get(limit.team, ()),
            )
            self.budgets.append(budget)
            self._tell_commands(f"{whose}{limit.period.capitalize()}", budget)
        if settings.anomalies:
            AnomalyWatch(
                self,
                "Anomalies",
                environment=environment.name,
                settings=settings.anomalies,
                topic=topics[settings.anomalies.severity],
            )
        alarms = Construct(self, "Alarms")
        if settings.quotas:
            settings.quotas.bind(alarms, _uses(environment), telling)
        for team in settings.teams:
            team.bind(alarms, telling)
        if environment.guardrails:
            self._limit_roles()
        self.output("ActivateTagsCommand", activate_command(), "Once an account: until then no budget counts anything")

    def _tell_commands(self, name: str, budget: Budget) -> None:
        self.output(f"{name}Budget", budget.resource.ref, "The budget")
        if budget.action is None:
            return
        command = (
            f"aws budgets execute-budget-action --account-id {self.account} --budget-name {budget.resource.ref} "
            f"--action-id {budget.action.attr_action_id} --execution-type"
        )
        if budget.action.approval_model == "MANUAL":
            self.output(f"{name}ApproveCommand", f"{command} APPROVE_BUDGET_ACTION", "Denies what costs, when it waits")
        self.output(f"{name}ReverseCommand", f"{command} REVERSE_BUDGET_ACTION", "Allows it again")
        self.output(f"{name}ResetCommand", f"{command} RESET_BUDGET_ACTION", "Puts the action on duty again")

    def _limit_roles(self) -> None:
        """The platform's boundary has nothing of IAM: roles of actions have one of their own."""
        roles = f"arn:{self.partition}:iam::{self.account}:role/{self.stack_name.rpartition('-')[0]}-*"
        policies = f"arn:{self.partition}:iam::{self.account}:policy/{self.stack_name}-*"
        statement = {
            "Sid": "Denials",
            "Effect": "Allow",
            "Action": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            "Resource": roles,
            "Condition": {"ArnLike": {"iam:PolicyARN": policies}},
        }
        boundary = Boundary(
            self, "Boundary", description="At most: attach denials of this stack", statements=[statement]
        )
        boundary.put_on(self)


def _uses(environment: Environment) -> list[Use]:
    """What the environment hires instances for."""
    uses: list[Use] = []
    if environment.trainings:
        uses += ["training-job", "processing-job"]
    if any(served.hired for served in environment.endpoints):
        uses.append("endpoint")
    return uses

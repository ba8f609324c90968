"""What happens when a budget is used up.

Sources, read 2026-11-22: "Configuring AWS Budgets actions" and "Allow AWS Budgets to apply IAM policies and SCPs", AWS
Cost Management User Guide; "Actions, resources, and condition keys for AWS IAM", Service Authorization Reference.

AWS has a third action, which stops instances of EC2 or RDS by id. It does not fit: what costs money here are jobs,
endpoints and clusters of SageMaker, whose instances are not the account's own.
"""

# ruff: noqa: ARG002  (kinds take what they need)

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct
from pydantic import Field

from constructs_lib.values import Value
from ml_contract.errors import reject

MOST_ROLES = 100
"""Roles of an action (IamActionDefinition, AWS Budgets API reference)."""
STARTS = (
    "sagemaker:BatchAddClusterNodes",
    "sagemaker:CreateAutoMLJob*",
    "sagemaker:CreateCluster",
    "sagemaker:CreateEndpoint",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateInferenceComponent",
    "sagemaker:CreateNotebookInstance",
    "sagemaker:CreateOptimizationJob",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateTrainingPlan",
    "sagemaker:CreateTransformJob",
    "sagemaker:StartNotebookInstance",
    "sagemaker:StartPipelineExecution",
    "sagemaker:UpdateCluster",
    "sagemaker:UpdateEndpoint",
    "sagemaker:UpdateEndpointWeightsAndCapacities",
)
"""What begins to cost, or costs more. Stopping and deleting stay allowed."""
Approval = Literal["automatic", "manual"]


class UsedUp(Value):
    """Base of what happens at the limit."""

    @abstractmethod
    def bind(
        self, scope: Construct, *, budget: str, roles: Sequence[iam.IRole], topic: sns.ITopic | None
    ) -> budgets.CfnBudgetsAction | None:
        """Make what is to happen.

        Args:
            scope: Parent.
            budget: The budget's name, a reference to it.
            roles: Of those who start what costs.
            topic: Who is told of it; None: nobody.
        """


class OnlyTell(UsedUp):
    """Nothing but what thresholds tell."""

    def bind(
        self, scope: Construct, *, budget: str, roles: Sequence[iam.IRole], topic: sns.ITopic | None
    ) -> budgets.CfnBudgetsAction | None:
        return None


class _Action(UsedUp):
    """An action of AWS Budgets."""

    percent: float = Field(default=100, gt=0, le=1000)
    """Share of the limit at which it happens, in per cent; at the limit by default."""
    approval: Approval
    """``automatic``, hours after the fact and with nobody asked; or ``manual``: somebody approves it, with the command
    in the stack's outputs."""

    def _action(
        self, scope: Construct, *, budget: str, kind: str, definition: Any, role: iam.IRole, topic: sns.ITopic | None
    ) -> budgets.CfnBudgetsAction:
        if topic is None:
            reject("used_up", type(self).__name__, "AWS wants somebody who is told of an action",
                   "Give the environment its topics, operation=Operation(…), or take OnlyTell().")  # fmt: skip
        return budgets.CfnBudgetsAction(
            scope,
            "Action",
            budget_name=budget,
            action_type=kind,
            action_threshold=budgets.CfnBudgetsAction.ActionThresholdProperty(type="PERCENTAGE", value=self.percent),
            approval_model=self.approval.upper(),
            definition=definition,
            execution_role_arn=role.role_arn,
            notification_type="ACTUAL",
            subscribers=[budgets.CfnBudgetsAction.SubscriberProperty(type="SNS", address=topic.topic_arn)],
        )


class DenyStarts(_Action):
    """Roles that start jobs, endpoints and clusters are denied it, until somebody reverses the action.

    What runs goes on and is billed: jobs to their end, endpoints and clusters until somebody deletes them. Application
    Auto Scaling works with a role of its own and goes on too.
    """

    def bind(
        self, scope: Construct, *, budget: str, roles: Sequence[iam.IRole], topic: sns.ITopic | None
    ) -> budgets.CfnBudgetsAction | None:
        if not 0 < len(roles) <= MOST_ROLES:
            reject("used_up", len(roles), f"an action denies it to 1 to {MOST_ROLES} roles",
                   "Give the environment a pipeline, or take ApplyControlPolicy(…).")  # fmt: skip
        denial = iam.ManagedPolicy(
            scope,
            "Denial",
            description="Attached by AWS Budgets when the budget is used up: nothing that costs begins",
            statements=[
                iam.PolicyStatement(sid="BudgetUsedUp", effect=iam.Effect.DENY, actions=list(STARTS), resources=["*"])
            ],
        )
        role = execution_role(scope)
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
                resources=[each.role_arn for each in roles],
                conditions={"ArnEquals": {"iam:PolicyARN": denial.managed_policy_arn}},
            )
        )
        definition = budgets.CfnBudgetsAction.DefinitionProperty(
            iam_action_definition=budgets.CfnBudgetsAction.IamActionDefinitionProperty(
                policy_arn=denial.managed_policy_arn, roles=[each.role_name for each in roles]
            )
        )
        action = self._action(
            scope, budget=budget, kind="APPLY_IAM_POLICY", definition=definition, role=role, topic=topic
        )
        # AWS tries the role when the action is made.
        action.node.add_dependency(role.node.find_child("DefaultPolicy"))
        return action


class ApplyControlPolicy(_Action):
    """A service control policy is put on accounts or units, which stops everybody in them: for a budget in the
    organisation's own account."""

    policy: str = Field(pattern=r"^p-[0-9a-zA-Z_]{8,128}$")
    """Id of the policy; `trainyard policies scp` writes one."""
    targets: tuple[str, ...] = Field(min_length=1, max_length=100)
    """Accounts and organisational units."""

    def bind(
        self, scope: Construct, *, budget: str, roles: Sequence[iam.IRole], topic: sns.ITopic | None
    ) -> budgets.CfnBudgetsAction | None:
        role = execution_role(scope)
        stack = cdk.Stack.of(scope)
        organizations = f"arn:{stack.partition}:organizations::{stack.account}"
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["organizations:AttachPolicy", "organizations:DetachPolicy"],
                resources=[
                    f"{organizations}:policy/*/service_control_policy/{self.policy}",
                    *(f"{organizations}:{'ou' if each.startswith('ou-') else 'account'}/*/{each}"
                      for each in self.targets),
                ],
            )
        )  # fmt: skip
        definition = budgets.CfnBudgetsAction.DefinitionProperty(
            scp_action_definition=budgets.CfnBudgetsAction.ScpActionDefinitionProperty(
                policy_id=self.policy, target_ids=list(self.targets)
            )
        )
        action = self._action(
            scope, budget=budget, kind="APPLY_SCP_POLICY", definition=definition, role=role, topic=topic
        )
        action.node.add_dependency(role.node.find_child("DefaultPolicy"))
        return action


def execution_role(scope: Construct) -> iam.Role:
    """The role of an action, for budgets of this account only; it starts empty."""
    stack = cdk.Stack.of(scope)
    return iam.Role(
        scope,
        "Role",
        description="Attaches what denies further spend, and detaches it",
        assumed_by=iam.ServicePrincipal(
            "budgets.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:budgets::{stack.account}:budget/*"},
            },
        ),
    )

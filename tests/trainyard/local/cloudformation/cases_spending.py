"""Budgets and their actions."""

from __future__ import annotations

from typing import Any

from .cases import Case, att, ref, trust

LABELS = [{"Key": "team", "Value": "vision"}]
BUDGET: dict[str, Any] = {
    "BudgetType": "COST",
    "TimeUnit": "MONTHLY",
    "BudgetLimit": {"Amount": "20", "Unit": "USD"},
    "CostFilters": {"TagKeyValue": ["user:environment$dev"]},
}
TOLD = [
    {
        "Notification": {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": "80",
                         "ThresholdType": "PERCENTAGE"},
        "Subscribers": [{"SubscriptionType": "SNS", "Address": ref("Topic")}],
    }
]  # fmt: skip
DENIAL = {
    "Type": "AWS::IAM::ManagedPolicy",
    "Properties": {
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Action": "sagemaker:CreateTrainingJob", "Resource": "*"}],
        }
    },
}
TOPIC = {"Type": "AWS::SNS::Topic"}


def _role(service: str) -> dict[str, Any]:
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust(service)}}


CASES = [
    Case(
        "AWS::Budgets::Budget",
        {"Budget": BUDGET, "NotificationsWithSubscribers": TOLD, "ResourceTags": LABELS},
        {"Topic": TOPIC},
        update={"Budget": {**BUDGET, "BudgetLimit": {"Amount": 30.5, "Unit": "USD"}},
                "ResourceTags": [{"Key": "team", "Value": "models"}]},
        replace={"NotificationsWithSubscribers": [{**TOLD[0], "Notification": {**TOLD[0]["Notification"],
                                                                              "Threshold": 90}}]},
        refused={"Budget": {**BUDGET, "CostTypes": {"UseBlended": True}}},
        refused_path="Budget.CostTypes",
        wrong={"Budget": {**BUDGET, "CostFilters": {"TagKeyValue": ["dev"]}}},
        wrong_says="a filter is written user:KEY$VALUE",
    ),
    Case(
        "AWS::Budgets::BudgetsAction",
        {
            "BudgetName": ref("Budget"),
            "ActionType": "APPLY_IAM_POLICY",
            "ActionThreshold": {"Type": "PERCENTAGE", "Value": "100"},
            "ApprovalModel": "MANUAL",
            "NotificationType": "ACTUAL",
            "ExecutionRoleArn": att("Role", "Arn"),
            "Definition": {"IamActionDefinition": {"PolicyArn": ref("Denial"), "Roles": [ref("Jobs")]}},
            "Subscribers": [{"Type": "SNS", "Address": ref("Topic")}],
            "ResourceTags": LABELS,
        },
        {
            "Topic": TOPIC,
            "Denial": DENIAL,
            "Role": _role("budgets.amazonaws.com"),
            "Jobs": _role("sagemaker.amazonaws.com"),
            "Budget": {"Type": "AWS::Budgets::Budget", "Properties": {"Budget": BUDGET}},
        },
        update={"ActionThreshold": {"Type": "ABSOLUTE_VALUE", "Value": 12}, "ApprovalModel": "AUTOMATIC"},
        refused={"Definition": {"SsmActionDefinition": {"Subtype": "STOP_EC2_INSTANCES"}}},
        refused_path="Definition.SsmActionDefinition",
        wrong={"ExecutionRoleArn": att("Jobs", "Arn")},
        wrong_says="does not trust budgets.amazonaws.com",
    ),
]  # fmt: skip

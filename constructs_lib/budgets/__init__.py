"""What may be spent: budgets by cost-allocation tags, what happens when one is used up, unusual spend, quotas."""

from constructs_lib.budgets.anomalies import Anomalies, AnomalyWatch
from constructs_lib.budgets.budget import Budget
from constructs_lib.budgets.service_quotas import QuotaAlarms
from constructs_lib.budgets.settings import SpendLimit, Threshold
from constructs_lib.budgets.tags import CostTags, activate_command
from constructs_lib.budgets.team_instances import TeamInstances
from constructs_lib.budgets.used_up import ApplyControlPolicy, DenyStarts, OnlyTell, UsedUp

__all__ = [
    "Anomalies",
    "AnomalyWatch",
    "ApplyControlPolicy",
    "Budget",
    "CostTags",
    "DenyStarts",
    "OnlyTell",
    "QuotaAlarms",
    "SpendLimit",
    "TeamInstances",
    "Threshold",
    "UsedUp",
    "activate_command",
]

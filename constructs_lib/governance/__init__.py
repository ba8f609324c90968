"""Who may use how much of a cluster: the scheduler's policy and each team's quota. For clusters on EKS."""

from constructs_lib.governance.drift import DriftCheck, OnDrift, Restore, Tell
from constructs_lib.governance.governance import TaskGovernance
from constructs_lib.governance.makers import ByCloudFormation, ByFunction, QuotaMaker
from constructs_lib.governance.quota import TeamQuota
from constructs_lib.governance.resources import Allocation, Devices, Instances, Partitions
from constructs_lib.governance.scheduler import PriorityClass, SchedulerPolicy
from constructs_lib.governance.settings import GovernanceSettings
from constructs_lib.governance.sharing import DontLend, Lend, LendAndBorrow, Sharing

__all__ = [
    "Allocation",
    "ByCloudFormation",
    "ByFunction",
    "Devices",
    "DontLend",
    "DriftCheck",
    "GovernanceSettings",
    "Instances",
    "Lend",
    "LendAndBorrow",
    "OnDrift",
    "Partitions",
    "PriorityClass",
    "QuotaMaker",
    "Restore",
    "SchedulerPolicy",
    "Sharing",
    "TaskGovernance",
    "TeamQuota",
    "Tell",
]

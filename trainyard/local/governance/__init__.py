"""Task governance of clusters: scheduler policies and compute quotas, with their versions and states."""

from trainyard.local.governance.policies import SchedulerPolicies
from trainyard.local.governance.quotas import ComputeQuotas

__all__ = ["ComputeQuotas", "SchedulerPolicies"]

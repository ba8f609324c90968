"""What one team has of a cluster."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.governance.limits import LONGEST_NAME, MOST_TYPES, MOST_WEIGHT, NAME
from constructs_lib.governance.resources import Allocation
from constructs_lib.governance.sharing import Sharing
from constructs_lib.values import Value
from ml_contract.errors import reject


class TeamQuota(Value):
    """A team's part of a cluster, and its part in what is idle."""

    team: str = Field(pattern=NAME, max_length=LONGEST_NAME)
    """The team, which works in the namespace ``hyperpod-ns-TEAM``; it has one quota in a cluster."""
    resources: tuple[Allocation, ...] = Field(min_length=1, max_length=MOST_TYPES)
    """What it has, each instance type once, and each kind of partition of it."""
    sharing: Sharing
    """What happens with it while it is idle."""
    weight: int = Field(default=0, ge=0, le=MOST_WEIGHT)
    """Weight among those who borrow; it counts where the policy's ``fair_share`` is enabled. 0 goes last."""
    preempts: Literal["LowerPriority", "Never"] = "LowerPriority"
    """Whether the team's own tasks of a lower class make way for those of a higher one."""
    active: bool = True
    """False keeps the quota and takes it out of effect."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        rows = [one.row for one in self.resources]
        twice = [one for one in rows if rows.count(one) > 1]
        if twice:
            reject("resources", twice[0], "a quota has one row a type, of instances or of their parts",
                   "Make one of the two.")  # fmt: skip
        return self

    def request(self, cluster_arn: str) -> dict[str, Any]:
        """CreateComputeQuota of the API."""
        return {
            "Name": self.team,
            "ClusterArn": cluster_arn,
            "ComputeQuotaConfig": {
                "ComputeQuotaResources": [one.render() for one in self.resources],
                "ResourceSharingConfig": self.sharing.render(),
                "PreemptTeamTasks": self.preempts,
            },
            "ComputeQuotaTarget": {"TeamName": self.team, "FairShareWeight": self.weight},
            "ActivationState": "Enabled" if self.active else "Disabled",
        }

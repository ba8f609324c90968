"""Cost-allocation tags: by which spend is told apart.

Sources, read 2026-11-22: "Organizing and tracking costs using AWS cost allocation tags", AWS Billing User Guide (a tag
tells costs apart only from its activation on, for which there is no CloudFormation type; an activation takes up to 24
hours); "TagKeyValue" of CostFilters, AWS Budgets (its values are alternatives, those of different tags too: so what
belongs to a team *and* an environment needs one tag that says both).
"""

from __future__ import annotations

from pydantic import Field

from constructs_lib.values import Value

APPLICATION = "application"
ENVIRONMENT = "environment"
TEAM = "team"
ENVIRONMENT_TEAM = "environment-team"
KEYS = (APPLICATION, ENVIRONMENT, TEAM, ENVIRONMENT_TEAM)
"""What every taggable resource of a stage carries."""
TEAM_NAME = r"^[a-z][a-z0-9-]{1,30}$"


class CostTags(Value):
    """Whom what a resource costs belongs to."""

    environment: str = Field(pattern=r"^[a-z][a-z0-9]{1,15}$")
    """Short name of the environment."""
    team: str = Field(pattern=TEAM_NAME)
    """The team that pays."""

    @property
    def values(self) -> dict[str, str]:
        """Key → value."""
        return {
            APPLICATION: "trainyard",
            ENVIRONMENT: self.environment,
            TEAM: self.team,
            ENVIRONMENT_TEAM: f"{self.environment}-{self.team}",
        }


def activate_command() -> str:
    """Makes the keys tell costs apart: once an account, in the organisation's own account where there is one.

    AWS knows a key only hours after the first resource with it was billed.
    """
    keys = " ".join(f"TagKey={key},Status=Active" for key in KEYS)
    return f"aws ce update-cost-allocation-tags-status --cost-allocation-tags-status {keys}"

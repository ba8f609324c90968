"""Types of hosts in the order in which they are tried.

Source: InstancePreference of CreateTrainingJob, API reference, read 2026-11-21.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.training.resources import JobResources
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.training.layout import World

MOST_PREFERENCES = 5
PLAN = r"^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:training-plan/.+$"


class InstancePreference(Value):
    """A type that would do."""

    instance_type: str
    """Type of every host."""
    instance_count: int | None = Field(default=None, ge=1, le=6758)
    """Number of hosts of this type; None leaves it to the resources."""
    training_plan: str | None = Field(default=None, pattern=PLAN)
    """ARN of a plan that reserves this type; None takes it on demand."""


class PreferredResources(JobResources):
    """Hosts of the first type in a list that can be had; on demand or from training plans, never on spot."""

    preferences: tuple[InstancePreference, ...] = Field(min_length=1, max_length=MOST_PREFERENCES)
    """Types in the order in which they are tried, each once."""
    instance_count: int | None = Field(default=None, ge=1, le=6758)
    """Number of hosts whichever type it is; None where each preference says its own."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.types)) < len(self.types):
            reject("preferences", self.types, "a type stands in the list once", "Remove one.")
        counted = [preference.instance_count is not None for preference in self.preferences]
        if (self.instance_count is None) != all(counted) or (self.instance_count is not None and any(counted)):
            reject("instance_count", self.instance_count, "either it is given, or every preference has its own",
                   "Give one number for all, or one for each.")  # fmt: skip
        self.check_types("preferences.instance_type")
        return self

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(preference.instance_type for preference in self.preferences)

    @property
    def hosts(self) -> int:
        return max(preference.instance_count or self.instance_count or 0 for preference in self.preferences)

    def worlds(self) -> tuple[World, ...]:
        return tuple(
            World.of(preference.instance_type, preference.instance_count or self.instance_count or 0)
            for preference in self.preferences
        )

    def render(self, key_arn: str) -> dict[str, Any]:
        count = {"InstanceCount": self.instance_count} if self.instance_count else {}
        preferences = [
            {
                "InstanceType": preference.instance_type,
                **({"InstanceCount": preference.instance_count} if preference.instance_count else {}),
                **({"TrainingPlanArns": [preference.training_plan]} if preference.training_plan else {}),
            }
            for preference in self.preferences
        ]
        return {"InstancePreferences": preferences, **count, **self.volume(key_arn)}

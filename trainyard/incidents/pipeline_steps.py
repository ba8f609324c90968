"""Steps of a deployed pipeline, as its definition has them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainyard.incidents.scene import IncidentFailed, Scene

CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"


def training_step(scene: Scene, pipeline: str) -> dict[str, Any]:
    """The step that trains.

    Raises:
        IncidentFailed: The pipeline has none.
    """
    found = scene.client("sagemaker").describe_pipeline(PipelineName=pipeline)
    for step in _within(json.loads(found["PipelineDefinition"])["Steps"]):
        if step["Type"] == "Training":
            return dict(step)
    raise IncidentFailed(f"{pipeline}: it has no training step")


def tries(step: Mapping[str, Any], failure: str) -> int:
    """How often a step is tried at most when it fails so."""
    covering = [policy for policy in step.get("RetryPolicies", []) if failure in policy["ExceptionType"]]
    return 1 + (int(covering[0]["MaxAttempts"]) if covering else 0)


def instance_types(step: Mapping[str, Any]) -> list[str]:
    """Types of the instances that a training step wants."""
    resources = step["Arguments"]["ResourceConfig"]
    rows = resources.get("InstanceGroups") or resources.get("InstancePreferences") or [resources]
    return [str(row["InstanceType"]) for row in rows]


def _within(steps: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in steps:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            yield from _within(step["Arguments"].get(branch, []) if step["Type"] == "Condition" else [])

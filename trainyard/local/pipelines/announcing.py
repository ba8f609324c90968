"""What EventBridge hears and CloudWatch counts of executions and their steps.

Sources, SageMaker AI Developer Guide, read 2026-11-22: "Pipeline execution state change" and "Pipeline step state
change", Events that Amazon SageMaker AI sends to Amazon EventBridge; "SageMaker pipelines metrics", Amazon SageMaker AI
metrics in Amazon CloudWatch: those of executions by pipeline and over all of them, those of steps by both names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.api.store import Document

EXECUTION_CHANGE = "SageMaker Model Building Pipeline Execution Status Change"
STEP_CHANGE = "SageMaker Model Building Pipeline Execution Step Status Change"
NAMESPACE = "AWS/Sagemaker/ModelBuildingPipeline"
_COUNTED = {"Executing": "Started", "Failed": "Failed", "Succeeded": "Succeeded", "Stopped": "Stopped"}
_ENDED = ("Failed", "Succeeded", "Stopped")


class ExecutionAnnouncer:
    """Tells of executions and of steps whenever they have come to another status."""

    def __init__(self, context: Context) -> None:
        """Takes what the families share."""
        self._announce, self._measure = context.announce, context.measure

    def changed(self, before: Document | None, after: Document) -> None:
        """An execution's document was ``before``, and is ``after`` now."""
        old, new = (before or {}).get("PipelineExecutionStatus"), after["PipelineExecutionStatus"]
        if old != new:
            self._execution(old, after)
        earlier = (before or {}).get("Steps", {})
        for name, step in after["Steps"].items():
            was = earlier.get(name, {}).get("StepStatus")
            if was != step["StepStatus"]:
                self._step(was, step, after)

    def _execution(self, old: str | None, document: Document) -> None:
        status, ended = document["PipelineExecutionStatus"], document["LastModifiedTime"]
        detail = {
            "pipelineExecutionDisplayName": document["PipelineExecutionDisplayName"],
            "currentPipelineExecutionStatus": status,
            **({"previousPipelineExecutionStatus": old} if old else {}),
            "executionStartTime": _time(document["CreationTime"]),
            **({"executionEndTime": _time(ended)} if status in _ENDED else {}),
            "pipelineExecutionDescription": document.get("PipelineExecutionDescription", ""),
            **_arns(document),
        }
        self._announce(EXECUTION_CHANGE, document["PipelineExecutionArn"], detail)
        pipeline = {"PipelineName": document["PipelineName"]}
        for dimensions in (pipeline, {}):
            self._count("Execution", status, dimensions, ended - document["CreationTime"])

    def _step(self, old: str | None, step: Mapping[str, Any], document: Document) -> None:
        status = step["StepStatus"]
        detail = {
            "metadata": _metadata(step),
            "stepStartTime": _time(step["StartTime"]),
            **({"stepEndTime": _time(step["EndTime"])} if "EndTime" in step else {}),
            "stepName": step["StepName"],
            "stepType": step["StepType"],
            **({"previousStepStatus": old} if old else {}),
            "currentStepStatus": status,
            **({"failureReason": step["FailureReason"]} if step.get("FailureReason") else {}),
            **_arns(document),
        }
        self._announce(STEP_CHANGE, document["PipelineExecutionArn"], detail)
        dimensions = {"PipelineName": document["PipelineName"], "StepName": step["StepName"]}
        self._count("Step", status, dimensions, step.get("EndTime", 0) - step["StartTime"])

    def _count(self, what: str, status: str, dimensions: Mapping[str, str], seconds: float) -> None:
        if status in _COUNTED:
            self._measure(NAMESPACE, what + _COUNTED[status], dimensions, 1.0, "Count")
        if status in _ENDED:
            self._measure(NAMESPACE, f"{what}Duration", dimensions, seconds * 1000, "Milliseconds")


def _arns(document: Mapping[str, Any]) -> dict[str, str]:
    return {"pipelineArn": document["PipelineArn"], "pipelineExecutionArn": document["PipelineExecutionArn"]}


def _metadata(step: Mapping[str, Any]) -> dict[str, Any]:
    """Names with a small letter first, as events have them."""

    def lowered(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name[:1].lower() + name[1:]: lowered(below) for name, below in value.items()}
        return value

    found: dict[str, Any] = lowered(step.get("Metadata", {}))
    return found


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

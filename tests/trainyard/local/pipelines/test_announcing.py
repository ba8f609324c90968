"""What EventBridge hears and CloudWatch counts of executions."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from trainyard.local.api.store import Store
from trainyard.local.pipelines.announcing import EXECUTION_CHANGE, NAMESPACE, STEP_CHANGE, ExecutionAnnouncer
from trainyard.local.pipelines.records import EXECUTION, finish, update_step

PIPELINE = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/digits"
ARN = f"{PIPELINE}/execution/abcdefabcdef"


class Heard:
    """Everything that was told of an execution whose only step fails."""

    def __init__(self, folder: Path) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.counts: dict[tuple[str, tuple[str, ...]], list[float]] = {}
        context: Any = SimpleNamespace(
            announce=lambda kind, _arn, detail: self.events.append((kind, detail)), measure=self.measure
        )
        store = Store(folder / "store.db")
        store.watch(EXECUTION, ExecutionAnnouncer(context).changed)
        document = {
            "PipelineArn": PIPELINE, "PipelineName": "digits", "PipelineExecutionArn": ARN, "CreationTime": 1000.0,
            "PipelineExecutionDisplayName": "execution-1", "PipelineExecutionStatus": "Executing", "Steps": {},
            "LastModifiedTime": 1000.0,
        }  # fmt: skip
        store.insert(EXECUTION, ARN, document)
        update_step(store, ARN, "Train", StepName="Train", StepType="Training", StepStatus="Starting", StartTime=1001.0)
        update_step(store, ARN, "Train", StepStatus="Executing", Metadata={"TrainingJob": {"Arn": "arn"}})
        update_step(store, ARN, "Train", StepStatus="Failed", EndTime=1004.0, FailureReason="CapacityError: none")
        finish(store, ARN, "Step failure")

    def measure(self, namespace: str, name: str, dimensions: dict[str, str], value: float, _unit: str) -> None:
        assert namespace == NAMESPACE
        self.counts.setdefault((name, tuple(dimensions.values())), []).append(value)


def test_an_execution_and_its_step_are_told_with_what_was_before(tmp_path: Path) -> None:
    events = Heard(tmp_path).events
    executions = [detail for kind, detail in events if kind == EXECUTION_CHANGE]
    assert [one["currentPipelineExecutionStatus"] for one in executions] == ["Executing", "Failed"]
    assert executions[1]["previousPipelineExecutionStatus"] == "Executing"
    assert "executionEndTime" not in executions[0]
    assert executions[0]["executionStartTime"] == "1970-01-01T00:16:40Z"
    steps = [detail for kind, detail in events if kind == STEP_CHANGE]
    assert [one["currentStepStatus"] for one in steps] == ["Starting", "Executing", "Failed"]
    assert steps[2]["failureReason"] == "CapacityError: none"
    assert steps[2]["metadata"] == {"trainingJob": {"arn": "arn"}}
    assert steps[2]["pipelineExecutionArn"] == ARN


def test_each_is_counted_by_pipeline_and_over_all(tmp_path: Path) -> None:
    counts = Heard(tmp_path).counts
    duration = counts.pop(("ExecutionDuration", ("digits",)))
    assert duration == counts.pop(("ExecutionDuration", ()))
    assert duration[0] > 1000
    assert counts == {
        ("ExecutionStarted", ("digits",)): [1.0],
        ("ExecutionStarted", ()): [1.0],
        ("ExecutionFailed", ("digits",)): [1.0],
        ("ExecutionFailed", ()): [1.0],
        ("StepStarted", ("digits", "Train")): [1.0],
        ("StepFailed", ("digits", "Train")): [1.0],
        ("StepDuration", ("digits", "Train")): [3000.0],
    }

"""Where the expressions of a step find their values in an execution."""

from collections.abc import Mapping
from typing import Any

from trainyard.local.pipelines.calls import Calls
from trainyard.local.pipelines.expressions import select
from trainyard.local.pipelines.model import Definition
from trainyard.local.pipelines.records import Record, time_text
from trainyard.local.pipelines.references import ExpressionError, Path


class ExecutionScope:
    """What is known when an execution starts: its parameters and itself. An implementation of expressions.Scope."""

    def __init__(self, document: Record) -> None:
        self._document = document
        self._variables = {
            "PipelineArn": document["PipelineArn"],
            "PipelineName": document["PipelineName"],
            "PipelineExecutionArn": document["PipelineExecutionArn"],
            "PipelineExecutionId": document["PipelineExecutionId"],
            "StartDateTime": time_text(document["CreationTime"]),
        }

    def parameter(self, name: str) -> object:
        return self._document["Parameters"][name]

    def execution(self, name: str) -> object:
        if name not in self._variables:
            raise ExpressionError(f"Execution.{name} has no value here.")
        return self._variables[name]

    def step(self, name: str, _: Path) -> object:
        raise ExpressionError(f"Steps.{name} has not run yet.")

    def file(self, step: str, _: str) -> object:
        raise ExpressionError(f"Steps.{step} has not run yet.")

    def s3(self, uri: str) -> object:
        raise ExpressionError(f"{uri} is read by steps only.")


class StepScope(ExecutionScope):
    """The values that one step of an execution sees."""

    def __init__(self, document: Record, definition: Definition, calls: Calls, record: Mapping[str, Any]) -> None:
        """Composes the scope.

        Args:
            document: the execution.
            definition: its definition.
            calls: reads files.
            record: the step's own record. The current time is the step's start, so that a retry has the same arguments.
        """
        super().__init__(document)
        self._definition = definition
        self._calls = calls
        self._variables["CurrentDateTime"] = time_text(record["StartTime"])
        if record["StepType"] in ("Training", "Processing"):
            self._variables[f"{record['StepType']}JobName"] = record["Job"]

    def step(self, name: str, path: Path) -> object:
        try:
            return select(self._properties(name), path, named=True)
        except ExpressionError as error:
            raise ExpressionError(f"Steps.{name}: {error}") from error

    def file(self, step: str, name: str) -> object:
        file = self._definition.steps[step].files[name]
        path = ("ProcessingOutputConfig", "Outputs", file.output, "S3Output", "S3Uri")
        return self._calls.read(f"{str(self.step(step, path)).rstrip('/')}/{file.path.lstrip('/')}")

    def s3(self, uri: str) -> object:
        return self._calls.read(uri)

    def _properties(self, name: str) -> object:
        record = self._document["Steps"].get(name, {})
        assert record.get("StepStatus") == "Succeeded", f"{name} must have succeeded before its properties are used"
        return record["Properties"]

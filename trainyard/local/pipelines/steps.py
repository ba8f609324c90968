"""One step of an execution, from its start to its end.

What is going to be done is written down first, so that it can be done again after a crash.
"""

import contextlib
import logging
from collections.abc import Callable
from typing import Any

from trainyard.local.api.store import Store
from trainyard.local.pipelines.calls import Calls, RefusedError
from trainyard.local.pipelines.conditions import holds
from trainyard.local.pipelines.expressions import evaluate
from trainyard.local.pipelines.kinds import CONDITION, FAIL, KINDS
from trainyard.local.pipelines.model import Definition, Step
from trainyard.local.pipelines.records import Record, execution_of, identity, shortened, update_step
from trainyard.local.pipelines.references import ExpressionError
from trainyard.local.pipelines.retries import SERVICE_FAULT, THROTTLING, of_reason, policy_for
from trainyard.local.pipelines.scope import StepScope

_log = logging.getLogger(__name__)


class StepRunner:
    """Moves the steps of one execution on."""

    def __init__(
        self, arn: str, definition: Definition, store: Store, calls: Calls, clock: Callable[[], float]
    ) -> None:
        self._arn = arn
        self._definition = definition
        self._store = store
        self._calls = calls
        self._clock = clock

    def start(self, step: Step) -> None:
        """Begins a step."""
        execution = execution_of(self._store, self._arn)["PipelineExecutionId"]
        record = self._update(
            step,
            StepName=step.name,
            StepType=step.type,
            StepDisplayName=step.display_name or step.name,
            **({"StepDescription": step.description} if step.description else {}),
            StartTime=self._clock(),
            StepStatus="Starting",
            AttemptCount=1,
            Job=identity(step.type, step.name, execution),
        )
        self._launch(step, record)

    def attend(self, step: Step, record: Record, *, halt: bool) -> None:
        """Looks after a step that has not ended.

        Args:
            step: the step.
            record: its record.
            halt: the execution ends: the step is to stop.
        """
        if record["StepStatus"] == "Starting":
            if halt:
                self._halt(step, record)
            elif record.get("NotBefore", 0) <= self._clock():
                self._launch(step, record)
            return
        if halt and record["StepStatus"] == "Executing" and not record.get("StopRefused"):
            record = self._halt(step, record)
        self._follow(step, record)

    def _launch(self, step: Step, record: Record) -> None:
        scope = StepScope(execution_of(self._store, self._arn), self._definition, self._calls, record)
        try:
            if step.type == CONDITION:
                self._decide(step, scope)
            elif step.type == FAIL:
                message = evaluate(step.arguments.get("ErrorMessage", ""), scope)
                self._end(step, "Failed", message or None, Metadata={"Fail": {"ErrorMessage": message}})
            else:
                kind = KINDS[step.type]
                arn = self._calls.create(kind, evaluate(step.arguments, scope) | {kind.identity: record["Job"]})
                self._update(step, StepStatus="Executing", Metadata={kind.metadata: {"Arn": arn}})
        except ExpressionError as error:
            self._failed(step, record, f"ClientError: {error}", None)
        except RefusedError as error:
            self._failed(step, record, str(error), error.exception_type)

    def _decide(self, step: Step, scope: StepScope) -> None:
        outcome = all(holds(item, lambda value: evaluate(value, scope)) for item in step.arguments["Conditions"])
        self._end(step, "Succeeded", Metadata={"Condition": {"Outcome": str(outcome)}}, Properties={"Outcome": outcome})

    def _follow(self, step: Step, record: Record) -> None:
        kind = KINDS[step.type]
        try:
            answer = self._calls.describe(kind, kind.described_by(record))
        except RefusedError as error:
            # One of these passes; any other means that the job will never be seen again.
            if error.exception_type not in (SERVICE_FAULT, THROTTLING):
                self._abandon(step, record)
                self._failed(step, record, str(error), error.exception_type)
            return
        status = answer[kind.status] if kind.status else "Completed"
        if status == "Completed":
            self._end(step, "Succeeded", Properties=answer)
        elif status == "Failed":
            reason = _failure_reason(answer)
            if record["StepStatus"] == "Stopping":
                self._end(step, "Failed", reason)
            else:
                self._failed(step, record, reason, of_reason(reason))
        elif status == "Stopped":
            self._end(step, "Stopped", *([] if record["StepStatus"] == "Stopping" else [_stopped_reason(answer)]))

    def _abandon(self, step: Step, record: Record) -> None:
        """Stops a job whose end nobody will see, if the role may."""
        kind = KINDS[step.type]
        if kind.stop is not None:
            with contextlib.suppress(RefusedError):
                self._calls.stop(kind, record["Job"])

    def _halt(self, step: Step, record: Record) -> Record:
        kind = KINDS.get(step.type)
        if kind is None or kind.stop is None:
            # Nothing to stop: either it was not made yet, or it is done in a moment.
            return self._end(step, "Stopped") if record["StepStatus"] == "Starting" else record
        try:
            self._calls.stop(kind, record["Job"])
        except RefusedError as error:
            if record["StepStatus"] == "Starting":
                return self._end(step, "Stopped")
            if error.exception_type in (SERVICE_FAULT, THROTTLING):
                return record
            _log.warning("%s: %s cannot be stopped, so its end is awaited: %s", self._arn, step.name, error)
            return self._update(step, StopRefused=True)
        return self._update(step, StepStatus="Stopping", Metadata=record.get("Metadata", {}))

    def _failed(self, step: Step, record: Record, reason: str, exception_type: str | None) -> None:
        """Tries again when a policy says so, else ends the step."""
        found = policy_for(step.policies, exception_type) if step.type in KINDS else None
        if found is not None:
            index, policy = found
            retries: dict[str, int] = record.get("Retries", {})
            done = retries.get(str(index), 0)
            wait = policy.wait(done, self._clock() - record["StartTime"])
            if wait is not None:
                execution = execution_of(self._store, self._arn)["PipelineExecutionId"]
                _log.info("%s: %s is tried again in %g s: %s", self._arn, step.name, wait, reason)
                self._update(
                    step,
                    StepStatus="Starting",
                    AttemptCount=record["AttemptCount"] + 1,
                    Job=identity(step.type, step.name, execution),
                    NotBefore=self._clock() + wait,
                    Retries=retries | {str(index): done + 1},
                )
                return
        self._end(step, "Failed", reason)

    def _end(self, step: Step, status: str, reason: str | None = None, **changes: Any) -> Record:
        if reason:
            changes["FailureReason"] = shortened(reason, 1024)
        return self._update(step, StepStatus=status, EndTime=self._clock(), **changes)

    def _update(self, step: Step, **changes: Any) -> Record:
        return update_step(self._store, self._arn, step.name, **changes)


def _failure_reason(answer: dict[str, Any]) -> str:
    statuses = answer.get("ModelPackageStatusDetails", {}).get("ValidationStatuses", [])
    reasons = [item["FailureReason"] for item in statuses if item.get("FailureReason")]
    return str(answer.get("FailureReason") or "; ".join(reasons) or "it failed without a reason")


def _stopped_reason(answer: dict[str, Any]) -> str:
    secondary = answer.get("SecondaryStatus", "Stopped")
    return f"ClientError: The job ended as {secondary} though the execution did not stop it."

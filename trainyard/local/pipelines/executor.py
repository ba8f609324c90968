"""One execution: which steps may start, and when it is over."""

import time
from collections.abc import Callable

from trainyard.local.api.store import Store
from trainyard.local.pipelines.calls import Calls
from trainyard.local.pipelines.definition import parse
from trainyard.local.pipelines.kinds import FAIL
from trainyard.local.pipelines.model import Definition, Step
from trainyard.local.pipelines.records import ACTIVE, DEFINITION, Record, by_status, execution_of, finish
from trainyard.local.pipelines.steps import StepRunner

_DEFAULT_PARALLEL_STEPS = 50  # AWS's default MaxParallelExecutionSteps


class Executor:
    """Advances one execution. All it knows is in the store, so a new one goes on where another ended."""

    def __init__(self, arn: str, store: Store, calls: Calls, clock: Callable[[], float] = time.time) -> None:
        stored = store.get(DEFINITION, arn)
        assert stored is not None, f"{arn} has no definition"
        self._arn = arn
        self._store = store
        self._clock = clock
        self._definition: Definition = parse(stored["PipelineDefinition"])
        self._runner = StepRunner(arn, self._definition, store, calls, clock)

    def advance(self) -> float | None:
        """Does what can be done now.

        Returns:
            Seconds until there may be more to do (0: a job is running, look again), or None when the execution is over.

        Raises:
            UnreachableError: the cloud did not answer; nothing is lost when this is called again.
        """
        document = execution_of(self._store, self._arn)
        halt = self._halts(document)
        for name in by_status(document["Steps"], *ACTIVE):
            self._runner.attend(self._definition.steps[name], document["Steps"][name], halt=halt)
        self._start_ready()
        document = execution_of(self._store, self._arn)
        active = by_status(document["Steps"], *ACTIVE)
        if active:
            return self._pause(active)
        finish(self._store, self._arn, _reason(document))
        return None

    def _start_ready(self) -> None:
        """Starts steps until none may start: a condition that is decided at once makes others ready."""
        while True:
            document = execution_of(self._store, self._arn)
            parallel = document.get("ParallelismConfiguration", {}).get(
                "MaxParallelExecutionSteps", _DEFAULT_PARALLEL_STEPS
            )
            full = len(by_status(document["Steps"], *ACTIVE)) >= parallel
            if full or self._halts(document):
                return
            step = next((step for step in self._definition.steps.values() if _ready(step, document)), None)
            if step is None:
                return
            self._runner.start(step)

    def _halts(self, document: Record) -> bool:
        """Whether the steps that run are to stop: somebody asked for it, or a Fail step was reached."""
        failed = by_status(document["Steps"], "Failed")
        return document["PipelineExecutionStatus"] == "Stopping" or any(
            self._definition.steps[name].type == FAIL for name in failed
        )

    def _pause(self, active: dict[str, Record]) -> float:
        """0 when a job runs, else the wait of the first retry that is due."""
        now = self._clock()
        return min(
            max(record.get("NotBefore", 0) - now, 0) if record["StepStatus"] == "Starting" else 0
            for record in active.values()
        )


def _ready(step: Step, document: Record) -> bool:
    steps = document["Steps"]
    if step.name in steps:
        return False
    if any(steps.get(name, {}).get("StepStatus") != "Succeeded" for name in step.dependencies):
        return False
    return step.branch is None or steps[step.branch[0]]["Properties"]["Outcome"] == step.branch[1]


def _reason(document: Record) -> str | None:
    """Why an execution whose steps have all ended has failed, or None when it has not."""
    ended = by_status(document["Steps"], "Failed", "Stopped")
    if not ended:
        return None
    # AWS says only the first sentence; the steps save a look-up.
    listed = "; ".join(
        f"{name}: {record['FailureReason']}" if record.get("FailureReason") else name for name, record in ended.items()
    )
    return f"Step failure: One or multiple steps failed. {listed}"

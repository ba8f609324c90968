"""The life of a training job: attempts until it ends, and what its document says meanwhile."""

import contextlib
import time
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.api.store import Document
from trainyard.local.capacity import JOB_REASON, WAITING, ShortageError, await_instances, await_return
from trainyard.local.jobs import training_attempt
from trainyard.local.jobs import training_document as document
from trainyard.local.jobs.attempt import REASON_CHARACTERS, JobFailure, algorithm_error
from trainyard.local.jobs.cluster import groups
from trainyard.local.jobs.control import Control, Ending, Order
from trainyard.local.jobs.logs import Scanner
from trainyard.local.jobs.supervise import Outcome
from trainyard.local.jobs.training_attempt import TrainingAttempt

_ENDS = {
    Ending.COMPLETED: ("Completed", "Completed", "Training job completed"),
    Ending.STOPPED: ("Stopped", "Stopped", "Training job stopped"),
    Ending.MAX_RUNTIME: (
        "Stopped", "MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds provided",
    ),
    Ending.MAX_WAIT: (
        "Stopped", "MaxWaitTimeExceeded", "Training job wait time exceeded MaxWaitTimeInSeconds provided",
    ),
}  # fmt: skip
"""Status, secondary status and message of a job whose last attempt ended so and has artifacts."""


class TrainingRun:
    """One training job from its creation, or from where the cloud went down, to its end."""

    def __init__(self, context: Context, name: str, control: Control) -> None:
        """Takes up the job of that name."""
        self._context, self._name, self._control = context, name, control
        self._store = context.store
        found = self._store.get(document.KIND, name)
        assert found, name
        self._job: Document = found
        self._spot: bool = found["EnableManagedSpotTraining"]
        self._started: float | None = None
        self._scanner = Scanner(found["AlgorithmSpecification"].get("MetricDefinitions", []))

    def run(self) -> None:
        """Runs attempts until the job has ended, or the cloud goes down."""
        while True:
            try:
                self._provision()
                self._started = time.time()
                outcome = self._attempt()
            except JobFailure as failure:
                if str(failure).startswith("InternalServerError") and self._retry(str(failure)):
                    continue
                self._fail(str(failure))
                return
            if outcome is None or outcome.order.ending is Ending.SHUTDOWN:
                # Whoever starts the cloud again finds the job as it is, and takes it up.
                self._count()
                return
            if not self._again(outcome):
                return

    def _provision(self) -> None:
        """Waits until there are instances, or until the job shall end, which its attempt sees.

        Raises:
            JobFailure: There were none.
        """
        try:
            await_instances(
                self._context.faults,
                [group.instance_type for group in groups(self._job["ResourceConfig"])],
                self._control.ordered.is_set,
                lambda: document.enter(self._store, self._name, "Starting", WAITING),
                self._latest() if self._spot else float("inf"),
            )
        except ShortageError as error:
            raise JobFailure(JOB_REASON) from error

    def _attempt(self) -> Outcome | None:
        """Runs all hosts once and takes their artifacts; None when the job ended before they started.

        Raises:
            JobFailure: the platform could not do its part, or the job's program failed.
        """
        first = {} if "TrainingStartTime" in self._job else {"TrainingStartTime": self._started}
        document.enter(self._store, self._name, "Downloading", "Downloading input data", **first)
        self._job = self._store.update(document.KIND, self._name, _Attempts=self._job["_Attempts"] + 1)
        with training_attempt.prepared(self._context, self._job, self._control, self._scanner) as attempt:
            outcome = attempt.run(self._limits())
            if outcome is None:
                self._ended_early()
            else:
                self._finish(attempt, outcome)
            return outcome

    def _limits(self) -> dict[Ending, float]:
        condition = self._job["StoppingCondition"]
        assert self._started is not None
        limits = {Ending.MAX_RUNTIME: self._started + condition["MaxRuntimeInSeconds"] - self._job["_RunSeconds"]}
        if self._spot:
            limits[Ending.MAX_WAIT] = self._latest()
        return limits

    def _finish(self, attempt: TrainingAttempt, outcome: Outcome) -> None:
        """Uploads what an attempt produced and, unless there is another one, ends the job.

        Raises:
            JobFailure: its program or the platform failed, or its artifacts cannot be uploaded.
        """
        ending = outcome.order.ending
        if ending in _ENDS:
            document.enter(self._store, self._name, "Uploading", "Uploading generated training model")
            self._end(*_ENDS[ending], **attempt.upload(model=True))
        elif ending is Ending.FAILED:
            text = attempt.message(outcome)
            # The reason of the failure matters more than what its output ran into.
            with contextlib.suppress(JobFailure):
                attempt.upload(model=False)
            raise JobFailure(algorithm_error(text, outcome))
        elif ending is Ending.BROKEN:
            detail = outcome.order.detail
            raise JobFailure(
                f"InternalServerError: the embedded cloud could not run a host: {detail}"[:REASON_CHARACTERS]
            )

    def _again(self, outcome: Outcome) -> bool:
        """Whether another attempt follows, after the wait for it."""
        ending = outcome.order.ending
        if ending not in (Ending.RECLAIMED, Ending.HOST_LOST):
            return False
        self._count()
        attempts = self._job["_Attempts"]
        what = "the spot instances were reclaimed" if ending is Ending.RECLAIMED else "a host was lost"
        if self._spot:
            text = f"Training job interrupted: {what} (attempt {attempts})"
            document.enter(self._store, self._name, "Interrupted", text)
            return self._wait_for_capacity(outcome.order)
        if ending is Ending.RECLAIMED:
            self._fail(f"{JOB_REASON} (the instances were reclaimed, and the job is no managed spot training job)")
        elif self._retry(what):
            return True
        elif self._control.ending is None:
            self._fail("InternalServerError: We encountered an internal error. Please try again. (A host was lost)")
        return False

    def _retry(self, reason: str) -> bool:
        """Whether the job is tried again after an internal error; its RetryStrategy says how often."""
        self._count()
        most = self._job.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
        if self._job["_Attempts"] > most or self._control.ordered.is_set():
            return False
        document.enter(self._store, self._name, "Restarting", f"Restarting the training job: {reason}")
        self._prepare()
        return True

    def _wait_for_capacity(self, order: Order) -> bool:
        latest = self._latest()
        await_return(self._context.faults, order.fault, order.restart_after, self._control.ordered.is_set, latest)
        if self._control.ordered.is_set():
            self._ended_early()
            return False
        if time.time() >= latest:
            self._fail(f"{JOB_REASON} (MaxWaitTimeInSeconds was used up while the job waited to restart)")
            return False
        self._prepare()
        return True

    def _prepare(self) -> None:
        document.enter(self._store, self._name, "Starting", "Preparing the instances for training")

    def _ended_early(self) -> None:
        """Ends a job that was stopped while no host ran; one that the cloud's end interrupts stays as it is."""
        if self._control.ending is Ending.STOPPED:
            self._end("Stopped", "Stopped", "Training job stopped")

    def _fail(self, reason: str) -> None:
        self._end("Failed", "Failed", "Training job failed", FailureReason=reason[:REASON_CHARACTERS])

    def _end(self, status: str, secondary: str, text: str, **changes: Any) -> None:
        self._count()
        metrics = {"FinalMetricDataList": self._scanner.final()}
        document.end(self._store, self._name, status, secondary, text, **metrics, **changes)

    def _latest(self) -> float:
        """When MaxWaitTimeInSeconds is used up, in seconds since 1970."""
        return float(self._job["CreationTime"] + self._job["StoppingCondition"]["MaxWaitTimeInSeconds"])

    def _count(self) -> None:
        """Adds the time of an attempt, once, to the time the job has run."""
        if self._started is not None:
            seconds = self._job["_RunSeconds"] + time.time() - self._started
            self._job = self._store.update(document.KIND, self._name, _RunSeconds=seconds)
            self._started = None

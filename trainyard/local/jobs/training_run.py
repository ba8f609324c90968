"""The life of a training job: attempts until it ends, with its input before and its artifacts after."""

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from ml_contract.instances import CATALOGUE
from trainyard.local.api.service import Context
from trainyard.local.api.store import Document
from trainyard.local.capacity import JOB_REASON, WAITING, ShortageError, await_instances
from trainyard.local.jobs import training_document as document
from trainyard.local.jobs import training_folders, warm_pools
from trainyard.local.jobs.artifacts import upload_artifacts
from trainyard.local.jobs.attempt import (
    REASON_CHARACTERS,
    JobFailure,
    Program,
    Role,
    algorithm_error,
    make_hosts,
    run_hosts,
)
from trainyard.local.jobs.cluster import groups
from trainyard.local.jobs.container import message, write_training_files
from trainyard.local.jobs.control import Control, Ending, Order
from trainyard.local.jobs.folder_sync import FolderSync
from trainyard.local.jobs.host_figures import HostFigures
from trainyard.local.jobs.hosts import BASE, Hosts
from trainyard.local.jobs.inputs import Inputs
from trainyard.local.jobs.logs import Scanner
from trainyard.local.jobs.supervise import Outcome
from trainyard.local.transfer import Transfer, TransferError
from trainyard.local.pulling import TRAINING_REASON

FOLDER = "jobs/training"
"""Where the hosts of running jobs are, below the cloud's state."""
LOG_GROUP = "/aws/sagemaker/TrainingJobs"


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
                if str(failure).startswith("InternalServerError") and self._retry(str(failure), 0.0):
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
        context, job = self._context, self._job
        first = {} if "TrainingStartTime" in job else {"TrainingStartTime": self._started}
        document.enter(self._store, self._name, "Downloading", "Downloading input data", **first)
        self._job = self._store.update(document.KIND, self._name, _Attempts=job["_Attempts"] + 1)
        folder = context.state / FOLDER / self._name
        count = sum(found.count for found in groups(job["ResourceConfig"]))
        with contextlib.closing(make_hosts(context, folder, count, isolated=job["EnableNetworkIsolation"])) as group:
            role = Role.assume(context, job["RoleArn"])
            transfer = Transfer(role.s3, role.arn, job["OutputDataConfig"].get("KmsKeyId") or None)
            write_training_files(group, job)
            training_folders.keep_warm(context, job, group)
            checkpoints, tensorboard = training_folders.follow(job, group, transfer)
            inputs = Inputs(group, transfer, job, context.state)
            with contextlib.closing(inputs):
                self._download(inputs, checkpoints)
                if self._control.ordered.is_set():
                    self._ended_early()
                    return None
                if context.missing(job["AlgorithmSpecification"]["TrainingImage"]):
                    raise JobFailure(TRAINING_REASON)
                text = "Training image download completed. Training in progress"
                document.enter(self._store, self._name, "Training", text)
                inputs.start(self._broken)
                outcome = self._run_hosts(group, role, [sync for sync in (checkpoints, tensorboard) if sync])
            self._finish(group, transfer, outcome)
            return outcome

    def _broken(self, detail: str) -> None:
        """Ends the attempt, because its hosts wait for what cannot come."""
        self._control.events.put(Order(ending=Ending.BROKEN, detail=detail))

    def _download(self, inputs: Inputs, checkpoints: FolderSync | None) -> None:
        try:
            inputs.provide(self._control.ordered.is_set)
            if checkpoints:
                checkpoints.restore()
        except TransferError as error:
            raise JobFailure(f"ClientError: Data download failed: {error}"[:REASON_CHARACTERS]) from error
        except OSError as error:
            raise JobFailure(f"InternalServerError: the embedded cloud's disk: {error}") from error

    def _run_hosts(self, group: Hosts, role: Role, syncs: Sequence[FolderSync]) -> Outcome:
        job = self._job
        algorithm = job["AlgorithmSpecification"]
        program = Program(
            job=self._name,
            image=algorithm["TrainingImage"],
            command=[*algorithm["ContainerEntrypoint"], *algorithm.get("ContainerArguments", [])],
            environment=job.get("Environment", {}),
            variables=lambda host: {
                "TRAINING_JOB_NAME": self._name,
                "TRAINING_JOB_ARN": job["TrainingJobArn"],
                **({warm_pools.VARIABLE: group.seen(host, warm_pools.CACHE)} if "_WarmPool" in job else {}),
            },
            log_group=LOG_GROUP,
        )
        for sync in syncs:
            sync.start()
        known = CATALOGUE.get(groups(job["ResourceConfig"])[0].instance_type)
        figures = HostFigures(role.metrics, group, self._name, known.memory_gib if known else None)
        figures.start()
        with contextlib.closing(figures):
            outcome = run_hosts(
                self._context,
                group,
                program,
                role,
                control=self._control,
                scanner=self._scanner,
                limits=self._limits(),
                problem=lambda problem: document.note(self._store, self._name, problem),
            )
        for sync in syncs:
            try:
                sync.close()
            except TransferError as error:
                # What made the program fail matters more.
                if outcome.order.ending is not Ending.FAILED:
                    raise JobFailure(f"ClientError: {sync.what} upload failed: {error}"[:REASON_CHARACTERS]) from error
        return outcome

    def _limits(self) -> dict[Ending, float]:
        condition = self._job["StoppingCondition"]
        assert self._started is not None
        limits = {Ending.MAX_RUNTIME: self._started + condition["MaxRuntimeInSeconds"] - self._job["_RunSeconds"]}
        if self._spot:
            limits[Ending.MAX_WAIT] = self._latest()
        return limits

    def _finish(self, group: Hosts, transfer: Transfer, outcome: Outcome) -> None:
        """Uploads what an attempt produced and, unless there is another one, ends the job."""
        ending = outcome.order.ending
        if ending in (Ending.COMPLETED, Ending.STOPPED, Ending.MAX_RUNTIME, Ending.MAX_WAIT):
            document.enter(self._store, self._name, "Uploading", "Uploading generated training model")
            results = self._upload(group, transfer, model=True)
            status, secondary, text = {
                Ending.COMPLETED: ("Completed", "Completed", "Training job completed"),
                Ending.STOPPED: ("Stopped", "Stopped", "Training job stopped"),
                Ending.MAX_RUNTIME: (
                    "Stopped",
                    "MaxRuntimeExceeded",
                    "Training job runtime exceeded MaxRuntimeInSeconds provided",
                ),
                Ending.MAX_WAIT: (
                    "Stopped",
                    "MaxWaitTimeExceeded",
                    "Training job wait time exceeded MaxWaitTimeInSeconds provided",
                ),
            }[ending]
            self._end(status, secondary, text, **results)
        elif ending is Ending.FAILED:
            texts = [message(group.inside(host, f"{BASE}/output/failure")) for host in range(len(group.names))]
            assert outcome.order.host is not None
            text = texts[outcome.order.host] or next(filter(None, texts), "")
            # The reason of the failure matters more than what its output ran into.
            with contextlib.suppress(JobFailure):
                self._upload(group, transfer, model=False)
            raise JobFailure(algorithm_error(text, outcome))
        elif ending is Ending.BROKEN:
            detail = outcome.order.detail
            raise JobFailure(
                f"InternalServerError: the embedded cloud could not run a host: {detail}"[:REASON_CHARACTERS]
            )

    def _upload(self, group: Hosts, transfer: Transfer, *, model: bool) -> dict[str, Any]:
        """Uploads the artifacts; returns the changes to the job's document."""
        try:
            uri = upload_artifacts(transfer, group, self._job["OutputDataConfig"], self._name, model=model)
        except TransferError as error:
            raise JobFailure(f"ClientError: Artifact upload failed: {error}"[:REASON_CHARACTERS]) from error
        return {"ModelArtifacts": {"S3ModelArtifacts": uri}} if uri else {}

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
            return self._wait_for_capacity(outcome.order.restart_after)
        if ending is Ending.RECLAIMED:
            self._fail(f"{JOB_REASON} (the instances were reclaimed, and the job is no managed spot training job)")
        elif self._retry(what, outcome.order.restart_after):
            return True
        elif self._control.ending is None:
            self._fail("InternalServerError: We encountered an internal error. Please try again. (A host was lost)")
        return False

    def _retry(self, reason: str, pause: float) -> bool:
        """Whether the job is tried again after an internal error; its RetryStrategy says how often."""
        self._count()
        most = self._job.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
        if self._job["_Attempts"] > most or self._control.ordered.is_set():
            return False
        document.enter(self._store, self._name, "Restarting", f"Restarting the training job: {reason}")
        return self._wait_for_capacity(pause)

    def _wait_for_capacity(self, seconds: float) -> bool:
        remaining = self._latest() - time.time() if self._spot else float("inf")
        if self._control.ordered.wait(max(0.0, min(seconds, remaining))):
            self._ended_early()
            return False
        if remaining <= seconds:
            self._fail(f"{JOB_REASON} (MaxWaitTimeInSeconds was used up while the job waited to restart)")
            return False
        document.enter(self._store, self._name, "Starting", "Preparing the instances for training")
        return True

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

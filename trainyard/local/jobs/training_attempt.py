"""One attempt of a training job: its hosts with their input, from start to end, and the artifacts that they leave."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_contract.instances import CATALOGUE
from trainyard.local.api.service import Context
from trainyard.local.api.store import Document
from trainyard.local.jobs import training_document as document
from trainyard.local.jobs import training_folders, warm_pools
from trainyard.local.jobs.artifacts import upload_artifacts
from trainyard.local.jobs.attempt import REASON_CHARACTERS, JobFailure, Program, Role, make_hosts, run_hosts
from trainyard.local.jobs.cluster import groups
from trainyard.local.jobs.container import message, write_training_files
from trainyard.local.jobs.control import Control, Ending, Order
from trainyard.local.jobs.folder_sync import FolderSync
from trainyard.local.jobs.host_figures import HostFigures
from trainyard.local.jobs.hosts import BASE, Hosts
from trainyard.local.jobs.inputs import Inputs
from trainyard.local.jobs.logs import Scanner
from trainyard.local.jobs.supervise import Outcome
from trainyard.local.pulling import TRAINING_REASON
from trainyard.local.transfer import Transfer, TransferError

FOLDER = "jobs/training"
"""Where the hosts of running jobs are, below the cloud's state."""
LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class TrainingAttempt:
    """The hosts of a training job, which run once."""

    def __init__(
        self, context: Context, job: Document, group: Hosts, role: Role, control: Control, scanner: Scanner
    ) -> None:
        """Prepares; `run` runs.

        Args:
            context: the rest of the cloud.
            job: the job's document.
            group: its hosts.
            role: its role.
            control: orders to the job.
            scanner: finds the figures in lines.
        """
        self._context, self._job, self._group, self._role = context, job, group, role
        self._control, self._scanner = control, scanner
        self._name: str = job["TrainingJobName"]
        self._transfer = Transfer(role.s3, role.arn, job["OutputDataConfig"].get("KmsKeyId") or None)

    def run(self, limits: Mapping[Ending, float]) -> Outcome | None:
        """Runs all hosts; None when the job shall end before they start.

        Args:
            limits: what ends the job by time → when, in seconds since 1970.

        Raises:
            JobFailure: the platform could not do its part.
        """
        context, job, group = self._context, self._job, self._group
        write_training_files(group, job)
        training_folders.keep_warm(context, job, group)
        checkpoints, tensorboard = training_folders.follow(job, group, self._transfer)
        with contextlib.closing(Inputs(group, self._transfer, job, context.state)) as inputs:
            self._download(inputs, checkpoints)
            if self._control.ordered.is_set():
                return None
            if context.missing(job["AlgorithmSpecification"]["TrainingImage"]):
                raise JobFailure(TRAINING_REASON)
            text = "Training image download completed. Training in progress"
            document.enter(context.store, self._name, "Training", text)
            inputs.start(self._broken)
            return self._run_hosts([sync for sync in (checkpoints, tensorboard) if sync], limits)

    def message(self, outcome: Outcome) -> str:
        """What the program left as the reason of its failure: the failed host's, or that of the first that has one."""
        group = self._group
        texts = [message(group.inside(host, f"{BASE}/output/failure")) for host in range(len(group.names))]
        assert outcome.order.host is not None
        return texts[outcome.order.host] or next(filter(None, texts), "")

    def upload(self, *, model: bool) -> dict[str, Any]:
        """Uploads the artifacts; returns the changes to the job's document.

        Raises:
            JobFailure: they cannot be uploaded.
        """
        try:
            uri = upload_artifacts(self._transfer, self._group, self._job["OutputDataConfig"], self._name, model=model)
        except TransferError as error:
            raise JobFailure(f"ClientError: Artifact upload failed: {error}"[:REASON_CHARACTERS]) from error
        return {"ModelArtifacts": {"S3ModelArtifacts": uri}} if uri else {}

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

    def _run_hosts(self, syncs: Sequence[FolderSync], limits: Mapping[Ending, float]) -> Outcome:
        for sync in syncs:
            sync.start()
        known = CATALOGUE.get(groups(self._job["ResourceConfig"])[0].instance_type)
        figures = HostFigures(self._role.metrics, self._group, self._name, known.memory_gib if known else None)
        figures.start()
        with contextlib.closing(figures):
            outcome = run_hosts(
                self._context,
                self._group,
                self._program(),
                self._role,
                control=self._control,
                scanner=self._scanner,
                limits=limits,
                problem=lambda problem: document.note(self._context.store, self._name, problem),
            )
        for sync in syncs:
            try:
                sync.close()
            except TransferError as error:
                # What made the program fail matters more.
                if outcome.order.ending is not Ending.FAILED:
                    raise JobFailure(f"ClientError: {sync.what} upload failed: {error}"[:REASON_CHARACTERS]) from error
        return outcome

    def _program(self) -> Program:
        job, algorithm = self._job, self._job["AlgorithmSpecification"]
        warm = "_WarmPool" in job
        return Program(
            job=self._name,
            image=algorithm["TrainingImage"],
            command=[*algorithm["ContainerEntrypoint"], *algorithm.get("ContainerArguments", [])],
            environment=job.get("Environment", {}),
            variables=lambda host: {
                "TRAINING_JOB_NAME": self._name,
                "TRAINING_JOB_ARN": job["TrainingJobArn"],
                **({warm_pools.VARIABLE: self._group.seen(host, warm_pools.CACHE)} if warm else {}),
            },
            log_group=LOG_GROUP,
        )


@contextlib.contextmanager
def prepared(context: Context, job: Document, control: Control, scanner: Scanner) -> Iterator[TrainingAttempt]:
    """An attempt with its hosts, which are gone after the block.

    Args:
        context: the rest of the cloud.
        job: the job's document.
        control: orders to the job.
        scanner: finds the figures in lines.

    Raises:
        JobFailure: this machine has no hosts, or SageMaker may not assume the role.
    """
    folder = context.state / FOLDER / job["TrainingJobName"]
    count = sum(found.count for found in groups(job["ResourceConfig"]))
    with contextlib.closing(make_hosts(context, folder, count, isolated=job["EnableNetworkIsolation"])) as group:
        role = Role.assume(context, job["RoleArn"])
        yield TrainingAttempt(context, job, group, role, control, scanner)

"""The life of a processing job: inputs from S3, the program on its hosts, outputs to S3."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.api.store import Document, Store
from trainyard.local.capacity import JOB_REASON, ShortageError, await_instances
from trainyard.local.jobs.attempt import (
    REASON_CHARACTERS,
    JobFailure,
    Program,
    Role,
    algorithm_error,
    make_hosts,
    run_hosts,
)
from trainyard.local.jobs.container import message, write_processing_files
from trainyard.local.jobs.control import Control, Ending
from trainyard.local.jobs.hosts import BASE, Hosts
from trainyard.local.jobs.logs import Scanner
from trainyard.local.jobs.supervise import Outcome
from trainyard.local.pulling import processing_reason
from trainyard.local.transfer import Location, Transfer, TransferError

KIND = "ProcessingJob"
FOLDER = "jobs/processing"
"""Where the hosts of running jobs are, below the cloud's state."""
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
_DEFAULT_MAX_RUNTIME_SECONDS = 86_400
_ENDED = frozenset({"Completed", "Failed", "Stopped"})


def end(store: Store, name: str, status: str, **changes: Any) -> None:
    """Ends a processing job, unless it has ended."""

    def change(document: Document) -> None:
        if document["ProcessingJobStatus"] not in _ENDED:
            now = time.time()
            reason = changes.get("FailureReason")
            cut = {"FailureReason": reason[:REASON_CHARACTERS]} if reason else {}
            document.update(changes, **cut, ProcessingJobStatus=status, ProcessingEndTime=now, LastModifiedTime=now)

    store.modify(KIND, name, change)


class ProcessingRun:
    """One processing job from its creation to its end."""

    def __init__(self, context: Context, name: str, control: Control) -> None:
        """Takes up the job of that name."""
        self._context, self._name, self._control = context, name, control
        self._store = context.store
        found = self._store.get(KIND, name)
        assert found, name
        self._job = found
        cluster = found["ProcessingResources"]["ClusterConfig"]
        self._count: int = cluster["InstanceCount"]
        self._type: str = cluster["InstanceType"]

    def run(self) -> None:
        """Runs the job to its end."""
        context = self._context
        folder = context.state / FOLDER / self._name
        try:
            await_instances(context.faults, [self._type], self._control.ordered.is_set)
            with contextlib.closing(make_hosts(context, folder, self._count)) as group:
                self._run(group)
        except JobFailure as failure:
            end(self._store, self._name, "Failed", FailureReason=str(failure))
        except ShortageError:
            end(self._store, self._name, "Failed", FailureReason=JOB_REASON)

    def _run(self, group: Hosts) -> None:
        job = self._job
        started = time.time()
        self._store.update(KIND, self._name, ProcessingStartTime=started, LastModifiedTime=started)
        role = Role.assume(self._context, job["RoleArn"])
        transfer = Transfer(role.s3, role.arn, job.get("ProcessingOutputConfig", {}).get("KmsKeyId") or None)
        write_processing_files(group, job, job["ProcessingJobArn"])
        self._transfer("Data download failed", lambda: self._download(group, transfer))
        if self._control.ordered.is_set():
            if self._control.ending is Ending.STOPPED:
                end(self._store, self._name, "Stopped")
            return
        application = job["AppSpecification"]
        if self._context.missing(application["ImageUri"]):
            raise JobFailure(processing_reason(application["ImageUri"]))
        condition = job.get("StoppingCondition", {})
        longest = condition.get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME_SECONDS)
        outcome = run_hosts(
            self._context,
            group,
            Program(
                job=self._name,
                image=application["ImageUri"],
                command=[*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])],
                environment=job.get("Environment", {}),
                variables=lambda _: {"ProcessingJobName": self._name, "ProcessingJobArn": job["ProcessingJobArn"]},
                log_group=LOG_GROUP,
            ),
            role,
            control=self._control,
            scanner=Scanner([]),
            limits={Ending.MAX_RUNTIME: started + longest},
            problem=self._note,
        )
        self._finish(group, transfer, outcome, longest)

    def _note(self, problem: str) -> None:
        """Keeps what the platform has to say where the user looks."""
        self._store.update(KIND, self._name, ExitMessage=problem[:REASON_CHARACTERS])

    def _download(self, group: Hosts, transfer: Transfer) -> None:
        for row in self._job.get("ProcessingInputs", []):
            source = row["S3Input"]
            folders = [group.inside(host, source["LocalPath"]) for host in range(self._count)]
            sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
            transfer.download(Location.parse(source["S3Uri"]), folders, sharded=sharded)
            if self._control.ordered.is_set():
                return

    def _upload(self, group: Hosts, transfer: Transfer) -> None:
        for row in self._job.get("ProcessingOutputConfig", {}).get("Outputs", []):
            target = Location.parse(row["S3Output"]["S3Uri"])
            for host in range(self._count):
                transfer.upload_tree(group.inside(host, row["S3Output"]["LocalPath"]), target)

    def _finish(self, group: Hosts, transfer: Transfer, outcome: Outcome, longest: int) -> None:
        ending = outcome.order.ending
        if ending is Ending.SHUTDOWN:
            return
        texts = [message(group.inside(host, f"{BASE}/output/message")) for host in range(self._count)]
        said = next(filter(None, texts), "")
        changes = {"ExitMessage": said} if said else {}
        if ending is Ending.FAILED:
            # What the program left may explain its failure; that it cannot be uploaded must not hide it.
            with contextlib.suppress(TransferError, OSError):
                self._upload(group, transfer)
            end(self._store, self._name, "Failed", FailureReason=algorithm_error(said, outcome), **changes)
            return
        if ending is Ending.BROKEN:
            raise JobFailure(f"InternalServerError: the embedded cloud could not run a host: {outcome.order.detail}")
        self._transfer("Output upload failed", lambda: self._upload(group, transfer))
        if ending is Ending.MAX_RUNTIME:
            reason = f"ClientError: the job ran longer than StoppingCondition.MaxRuntimeInSeconds ({longest})"
            end(self._store, self._name, "Stopped", FailureReason=reason, **changes)
        else:
            end(self._store, self._name, "Stopped" if ending is Ending.STOPPED else "Completed", **changes)

    @staticmethod
    def _transfer(what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except TransferError as error:
            raise JobFailure(f"ClientError: {what}: {error}") from error
        except OSError as error:
            raise JobFailure(f"InternalServerError: the embedded cloud's disk: {error}") from error

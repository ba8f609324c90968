"""Processing jobs: CreateProcessingJob, DescribeProcessingJob, ListProcessingJobs, StopProcessingJob."""

import shutil
import time
from collections.abc import Mapping
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid, not_found
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.images import local_image
from trainyard.local.jobs.control import Control
from trainyard.local.jobs.processing_run import FOLDER, KIND, ProcessingRun, end
from trainyard.local.jobs.references import (
    check_key,
    check_location,
    check_network,
    check_path,
    check_role,
    check_unique,
)
from trainyard.local.jobs.refusals import PROCESSING, refuse
from trainyard.local.jobs.threads import JobThreads
from trainyard.local.jobs.training_request import MAX_HOSTS
from trainyard.local.pulling import check_job

_BELOW = "/opt/ml/processing/"


class ProcessingJobs:
    """The family of processing jobs; each runs in a thread of its own."""

    def __init__(self, context: Context) -> None:
        """Takes what the families share."""
        self._context = context
        self._store = context.store
        self._threads = JobThreads("processing job")

    @operation("CreateProcessingJob")
    def create(self, request: Request, _caller: Caller) -> Answer:
        """Checks the request and starts the job."""
        name = request["ProcessingJobName"]
        _check(request, self._context)
        arn = self._context.arn(f"processing-job/{name}")
        now = time.time()
        new = {
            **request,
            "ProcessingJobArn": arn,
            "ProcessingJobStatus": "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        try:
            self._store.insert(KIND, name, new)
        except ServiceError as error:
            raise ServiceError(
                "ResourceInUse",
                "Job name must be unique within an AWS account and region, and a job with this name already exists "
                f"({arn})",
            ) from error
        self._launch(name)
        return {"ProcessingJobArn": arn}

    @operation("DescribeProcessingJob")
    def describe(self, request: Request, _caller: Caller) -> Answer:
        """The job as it is now."""
        return self._get(request["ProcessingJobName"])

    @operation("ListProcessingJobs")
    def list(self, request: Request, _caller: Caller) -> Answer:
        """Jobs by name, time and status."""
        rows = select(self._store.list(KIND), request, name="ProcessingJobName", status="ProcessingJobStatus")
        return page(rows, request, "ProcessingJobSummaries", identity="ProcessingJobArn", default=10)

    @operation("StopProcessingJob")
    def stop_job(self, request: Request, _caller: Caller) -> Answer:
        """Asks a job to stop: SIGTERM, then SIGKILL."""
        name = request["ProcessingJobName"]
        status = self._get(name)["ProcessingJobStatus"]
        if status != "InProgress":
            raise invalid(
                f"The request was rejected because the processing job is in status {status}. "
                "Only a job in status InProgress can be stopped."
            )
        self._store.update(KIND, name, ProcessingJobStatus="Stopping", LastModifiedTime=time.time())
        if not self._threads.stop(name):
            end(self._store, name, "Stopped")
        return {}

    def start(self) -> None:
        """Ends what was running when the cloud went down: a processing job has nothing to go on from."""
        # A killed cloud leaves its hosts' folders behind.
        shutil.rmtree(self._context.state / FOLDER, ignore_errors=True)
        for job in self._store.list(KIND):
            name = job["ProcessingJobName"]
            if job["ProcessingJobStatus"] == "Stopping":
                end(self._store, name, "Stopped")
            elif job["ProcessingJobStatus"] == "InProgress":
                self._fail(
                    name,
                    "InternalServerError: the embedded cloud went down while the job ran. Create the job again",
                )

    def stop(self) -> None:
        """Ends the hosts of all jobs, because the cloud goes down."""
        self._threads.shutdown()

    def _launch(self, name: str) -> None:
        def run(control: Control) -> None:
            ProcessingRun(self._context, name, control).run()

        self._threads.launch(name, run, lambda reason: self._fail(name, reason))

    def _fail(self, name: str, reason: str) -> None:
        end(self._store, name, "Failed", FailureReason=reason)

    def _get(self, name: str) -> dict[str, Any]:
        job = self._store.get(KIND, name)
        if job is None:
            raise not_found("processing job", name)
        return job


def _check(request: Mapping[str, Any], context: Context) -> None:
    """Refuses what AWS would refuse, what this cloud does not run, and what does not exist."""
    refuse(request, PROCESSING)
    platform = context.platform
    application = request["AppSpecification"]
    if "ContainerEntrypoint" not in application:
        raise invalid(
            "AppSpecification.ContainerEntrypoint: got nothing, but local images have no entrypoint of their own. "
            "Give ContainerEntrypoint."
        )
    local_image(application["ImageUri"], context.environments, "AppSpecification.ImageUri")
    cluster = request["ProcessingResources"]["ClusterConfig"]
    for field in ("InstanceType", "InstanceCount"):
        if field not in cluster:
            raise invalid(f"ProcessingResources.ClusterConfig.{field}: got nothing, but a job needs it. Give {field}.")
    if cluster["InstanceCount"] > MAX_HOSTS:
        raise invalid(
            f"ProcessingResources.ClusterConfig.InstanceCount: got {cluster['InstanceCount']}, but the embedded cloud "
            f"runs 1 to {MAX_HOSTS} hosts. Choose a number of that range."
        )
    check_key(platform, "ProcessingResources.ClusterConfig.VolumeKmsKeyId", cluster.get("VolumeKmsKeyId"))
    check_role(platform, request["RoleArn"])
    check_job(context.missing, application["ImageUri"], request["RoleArn"])
    check_network(platform, "NetworkConfig.VpcConfig", request.get("NetworkConfig", {}).get("VpcConfig"))
    inputs = request.get("ProcessingInputs", [])
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    check_key(platform, "ProcessingOutputConfig.KmsKeyId", request.get("ProcessingOutputConfig", {}).get("KmsKeyId"))
    check_unique("ProcessingInputs[].InputName", [row["InputName"] for row in inputs])
    check_unique("ProcessingOutputConfig.Outputs[].OutputName", [row["OutputName"] for row in outputs])
    for field, rows, kind in (
        ("ProcessingInputs", inputs, "S3Input"),
        ("ProcessingOutputConfig.Outputs", outputs, "S3Output"),
    ):
        for index, row in enumerate(rows):
            path = f"{field}[{index}].{kind}"
            if kind not in row:
                raise invalid(f"{path}: got nothing, but data needs a place. Give an {kind}.")
            check_location(platform, f"{path}.S3Uri", row[kind]["S3Uri"])
            check_path(f"{path}.LocalPath", row[kind].get("LocalPath"), _BELOW)

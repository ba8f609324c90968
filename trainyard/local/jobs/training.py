"""Training jobs: CreateTrainingJob, DescribeTrainingJob, ListTrainingJobs, StopTrainingJob."""

import re
import shutil
from collections.abc import Mapping
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid, not_found
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.images import local_image
from trainyard.local.jobs import training_document as document
from trainyard.local.jobs.control import Control
from trainyard.local.jobs.references import (
    check_key,
    check_location,
    check_network,
    check_path,
    check_role,
    check_unique,
)
from trainyard.local.jobs.refusals import TRAINING, Refusal, refuse
from trainyard.local.jobs.threads import JobThreads
from trainyard.local.jobs.training_run import FOLDER, TrainingRun

MAX_HOSTS = 16
"""Hosts that one machine can reasonably stand for."""
_LISTING = (
    Refusal(path="WarmPoolStatusEquals", way_out="Leave it out: there are no warm pools."),
    Refusal(path="TrainingPlanArnEquals", way_out="Leave it out: there are no training plans."),
)


class TrainingJobs:
    """The family of training jobs; each runs in a thread of its own."""

    def __init__(self, context: Context) -> None:
        """Takes what the families share."""
        self._context = context
        self._store = context.store
        self._threads = JobThreads("training job")

    @operation("CreateTrainingJob")
    def create(self, request: Request, _caller: Caller) -> Answer:
        """Checks the request and starts the job."""
        name = request["TrainingJobName"]
        _check(request, self._context)
        arn = self._context.arn(f"training-job/{name}")
        try:
            self._store.insert(document.KIND, name, document.new(request, arn))
        except ServiceError as error:
            raise ServiceError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a training job with this "
                f"name already exists ({arn})",
            ) from error
        self._launch(name)
        return {"TrainingJobArn": arn}

    @operation("DescribeTrainingJob")
    def describe(self, request: Request, _caller: Caller) -> Answer:
        """The job as it is now."""
        return self._get(request["TrainingJobName"])

    @operation("ListTrainingJobs")
    def list(self, request: Request, _caller: Caller) -> Answer:
        """Jobs by name, time and status."""
        refuse(request, _LISTING)
        rows = select(self._store.list(document.KIND), request, name="TrainingJobName", status="TrainingJobStatus")
        return page(rows, request, "TrainingJobSummaries", identity="TrainingJobArn", default=10)

    @operation("StopTrainingJob")
    def stop_job(self, request: Request, _caller: Caller) -> Answer:
        """Asks a job to stop: SIGTERM, then SIGKILL."""
        name = request["TrainingJobName"]
        status = self._get(name)["TrainingJobStatus"]
        if status != "InProgress":
            raise invalid(
                f"The request was rejected because the training job is in status {status}. "
                "Only a job in status InProgress can be stopped."
            )
        document.enter(self._store, name, "Stopping", "Stopping the training job", TrainingJobStatus="Stopping")
        if not self._threads.stop(name):
            document.end(self._store, name, "Stopped", "Stopped", "Training job stopped")
        return {}

    def start(self) -> None:
        """Takes up what was running when the cloud went down: to a spot job that is one more reclaim, others fail."""
        # A killed cloud leaves its hosts' folders behind.
        shutil.rmtree(self._context.state / FOLDER, ignore_errors=True)
        for job in self._store.list(document.KIND):
            name = job["TrainingJobName"]
            if job["TrainingJobStatus"] == "Stopping":
                document.end(self._store, name, "Stopped", "Stopped", "Training job stopped")
            elif job["TrainingJobStatus"] == "InProgress":
                if job["EnableManagedSpotTraining"]:
                    text = "Training job interrupted: the embedded cloud went down"
                    document.enter(self._store, name, "Interrupted", text)
                    self._launch(name)
                else:
                    self._fail(
                        name,
                        "InternalServerError: the embedded cloud went down while the job ran. Create the job again; "
                        "with EnableManagedSpotTraining it would have started again by itself",
                    )

    def stop(self) -> None:
        """Ends the hosts of all jobs, because the cloud goes down."""
        self._threads.shutdown()

    def _launch(self, name: str) -> None:
        def run(control: Control) -> None:
            TrainingRun(self._context, name, control).run()

        self._threads.launch(name, run, lambda reason: self._fail(name, reason))

    def _fail(self, name: str, reason: str) -> None:
        document.end(self._store, name, "Failed", "Failed", "Training job failed", FailureReason=reason[:1024])

    def _get(self, name: str) -> dict[str, Any]:
        job = self._store.get(document.KIND, name)
        if job is None:
            raise not_found("training job", name)
        return job


def _check(request: Mapping[str, Any], context: Context) -> None:
    """Refuses what AWS would refuse, what this cloud does not run, and what does not exist."""
    refuse(request, TRAINING)
    platform = context.platform
    algorithm = request["AlgorithmSpecification"]
    for field, wanted in (
        ("TrainingImage", "an image"),
        ("ContainerEntrypoint", "an entrypoint: local images have none of their own"),
    ):
        if field not in algorithm:
            raise invalid(f"AlgorithmSpecification.{field}: got nothing, but a job needs {wanted}. Give {field}.")
    local_image(algorithm["TrainingImage"], context.environments, "AlgorithmSpecification.TrainingImage")
    _check_metrics(algorithm.get("MetricDefinitions", []))
    _check_resources(request)
    _check_times(request)
    check_role(platform, request["RoleArn"])
    check_network(platform, "VpcConfig", request.get("VpcConfig"))
    channels = request.get("InputDataConfig", [])
    check_unique("InputDataConfig[].ChannelName", [channel["ChannelName"] for channel in channels])
    for index, channel in enumerate(channels):
        field = f"InputDataConfig[{index}].DataSource.S3DataSource"
        if "S3DataSource" not in channel["DataSource"]:
            raise invalid(f"{field}: got nothing, but a channel needs a source. Give an S3DataSource.")
        check_location(platform, f"{field}.S3Uri", channel["DataSource"]["S3DataSource"]["S3Uri"])
    output = request["OutputDataConfig"]
    check_location(platform, "OutputDataConfig.S3OutputPath", output["S3OutputPath"])
    check_key(platform, "OutputDataConfig.KmsKeyId", output.get("KmsKeyId"))
    check_key(platform, "ResourceConfig.VolumeKmsKeyId", request["ResourceConfig"].get("VolumeKmsKeyId"))
    checkpoints = request.get("CheckpointConfig")
    if checkpoints:
        check_location(platform, "CheckpointConfig.S3Uri", checkpoints["S3Uri"])
        check_path("CheckpointConfig.LocalPath", checkpoints.get("LocalPath", "/opt/ml/checkpoints"))


def _check_resources(request: Mapping[str, Any]) -> None:
    resources = request.get("ResourceConfig", {})
    for field in ("InstanceType", "InstanceCount"):
        if field not in resources:
            raise invalid(f"ResourceConfig.{field}: got nothing, but a training job needs it. Give {field}.")
    count = resources["InstanceCount"]
    if not 1 <= count <= MAX_HOSTS:
        raise invalid(
            f"ResourceConfig.InstanceCount: got {count}, but the embedded cloud runs 1 to {MAX_HOSTS} hosts. "
            "Choose a number of that range."
        )


def _check_times(request: Mapping[str, Any]) -> None:
    condition = request.get("StoppingCondition", {})
    longest = condition.get("MaxRuntimeInSeconds", document.DEFAULT_MAX_RUNTIME_SECONDS)
    wait = condition.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise invalid(
                f"StoppingCondition.MaxWaitTimeInSeconds: got {wait}, but it is for managed spot training only. "
                "Leave it out, or set EnableManagedSpotTraining."
            )
        return
    if wait is None or wait < longest:
        raise invalid(
            f"Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds. "
            f"StoppingCondition.MaxWaitTimeInSeconds: got {wait}, MaxRuntimeInSeconds is {longest}."
        )


def _check_metrics(definitions: list[dict[str, str]]) -> None:
    for index, definition in enumerate(definitions):
        field = f"AlgorithmSpecification.MetricDefinitions[{index}].Regex"
        try:
            groups = re.compile(definition["Regex"]).groups
        except re.error as error:
            raise invalid(
                f"{field}: got {definition['Regex']!r}, but that is no regular expression ({error}). Correct it."
            ) from error
        if groups < 1:
            raise invalid(
                f"{field}: got {definition['Regex']!r}, but its first group is the value. Put it in parentheses."
            )

"""Training jobs: CreateTrainingJob, DescribeTrainingJob, ListTrainingJobs, StopTrainingJob."""

import shutil
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid, not_found
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.jobs import training_document as document
from trainyard.local.jobs.announcing import JobAnnouncer
from trainyard.local.jobs.control import Control
from trainyard.local.jobs.refusals import Refusal, refuse
from trainyard.local.jobs.threads import JobThreads
from trainyard.local.jobs.training_attempt import FOLDER
from trainyard.local.jobs.training_request import check_training
from trainyard.local.jobs.training_run import TrainingRun
from trainyard.local.jobs.warm_pools import WarmPools

_LISTING = (Refusal(path="TrainingPlanArnEquals", way_out="Leave it out: there are no training plans."),)
_UPDATING = (
    Refusal(path="ProfilerConfig", way_out="Leave it out: jobs are not profiled here."),
    Refusal(path="ProfilerRuleConfigurations", way_out="Leave it out: jobs are not profiled here."),
    Refusal(path="RemoteDebugConfig", way_out="Leave it out: hosts are processes of this machine, to be seen from it."),
)


class TrainingJobs:
    """The family of training jobs; each runs in a thread of its own."""

    def __init__(self, context: Context) -> None:
        """Takes what the families share."""
        self._context = context
        self._store = context.store
        self._store.watch(document.KIND, JobAnnouncer(context.announce).changed)
        self._threads = JobThreads("training job")
        self._pools = WarmPools(context.store, context.state)

    @operation("CreateTrainingJob")
    def create(self, request: Request, _caller: Caller) -> Answer:
        """Checks the request and starts the job."""
        name = request["TrainingJobName"]
        check_training(request, self._context)
        arn = self._context.arn(f"training-job/{name}")
        try:
            self._store.insert(document.KIND, name, document.new(request, arn, self._scarce))
        except ServiceError as error:
            raise ServiceError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a training job with this "
                f"name already exists ({arn})",
            ) from error
        self._pools.reuse(name)
        self._launch(name)
        return {"TrainingJobArn": arn}

    @operation("UpdateTrainingJob")
    def update(self, request: Request, _caller: Caller) -> Answer:
        """Changes how long a warm pool is kept; 0 ends it."""
        refuse(request, _UPDATING)
        job = self._pools.look(self._get(request["TrainingJobName"]))
        seconds = request.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds")
        if seconds is not None:
            self._pools.keep(job, seconds)
        return {"TrainingJobArn": job["TrainingJobArn"]}

    @operation("DescribeTrainingJob")
    def describe(self, request: Request, _caller: Caller) -> Answer:
        """The job as it is now."""
        return self._pools.look(self._get(request["TrainingJobName"]))

    @operation("ListTrainingJobs")
    def list(self, request: Request, _caller: Caller) -> Answer:
        """Jobs by name, time, status and warm pool."""
        refuse(request, _LISTING)
        jobs = [self._pools.look(job) for job in self._store.list(document.KIND)]
        wanted = request.get("WarmPoolStatusEquals")
        jobs = [job for job in jobs if wanted in (None, job.get("WarmPoolStatus", {}).get("Status"))]
        rows = select(jobs, request, name="TrainingJobName", status="TrainingJobStatus")
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

    def _scarce(self, instance_type: str) -> bool:
        return self._context.faults.shortage((instance_type,)) is not None

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

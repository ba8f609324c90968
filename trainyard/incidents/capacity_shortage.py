"""There are no instances of the type that a job trains on, for longer than its step is tried."""

from __future__ import annotations

from typing import Any, ClassVar

from ml_contract.symptoms import NO_CAPACITY, Symptom
from trainyard.incidents import runs
from trainyard.incidents.incident import Incident
from trainyard.incidents.pipeline_steps import CAPACITY_ERROR, instance_types, training_step, tries
from trainyard.incidents.runs import WORKLOAD, Run
from trainyard.incidents.scene import Scene, require
from trainyard.operations.executions import Execution

_STEPS = 20
_TRIED_SECONDS = 0.5
"""As long as SageMaker looks for instances for each job."""


class CapacityShortage(Incident):
    name: ClassVar[str] = "capacity-shortage"
    summary: ClassVar[str] = "EC2 has no instances of the training type for longer than the step is tried"
    symptoms: ClassVar[tuple[Symptom, ...]] = (NO_CAPACITY,)
    subject: ClassVar[str] = WORKLOAD
    stacks: ClassVar[tuple[str, ...]] = ("storage", f"training-{WORKLOAD}")
    variables: ClassVar[tuple[str, ...]] = ("PIPELINE", "EXECUTION")
    minute_seconds: ClassVar[float] = 2.0
    run: Run
    tried: int
    """Jobs that the step may make before it fails."""

    def provoke(self, scene: Scene) -> None:
        step = training_step(scene, scene.stack(WORKLOAD))
        self.tried = tries(step, CAPACITY_ERROR)
        scene.fault("CapacityShortage", InstanceType=instance_types(step)[0], DelaySeconds=_TRIED_SECONDS,
                    Count=self.tried)  # fmt: skip
        self.run = runs.start(scene, steps=_STEPS)
        # What is done about it begins when nothing tries any more.
        failed = self.run.ended()
        require(failed.status == "Failed", f"{failed.arn}: {failed.status}, though there were no instances")

    def check(self, scene: Scene) -> list[str]:
        without = self._jobs_without_instances(scene)
        require(len(without) == self.tried, f"{len(without)} jobs found no instances, not {self.tried}")
        billed = [job for job in without if "BillableTimeInSeconds" in job]
        require(not billed, f"{len(billed)} of them are billed")
        execution = scene.wait(self._trained, 300.0, "the step that failed to end")
        trained = execution.step("Train")
        require(trained is not None and trained.status == "Succeeded", f"{execution.arn}: {execution.reason}")
        prepared = execution.step("Prepare")
        first = min(job["CreationTime"] for job in without)
        again = prepared is None or prepared.started is None or prepared.started > first
        require(not again, f"{execution.arn}: its data were prepared again")
        return [
            f"the step made {self.tried} jobs without instances, for which nothing is billed",
            "the failed step was tried again and nothing before it; it has succeeded",
        ]

    def _trained(self) -> Execution | None:
        """The execution once its training has ended, again; what comes after it wants other instances."""
        execution = self.run.describe()
        step = execution.step("Train")
        return execution if execution.is_final or (step and step.status == "Succeeded") else None

    def _jobs_without_instances(self, scene: Scene) -> list[dict[str, Any]]:
        client = scene.client("sagemaker")
        prefix = self.run.jobs.removesuffix("*")
        listed = client.list_training_jobs(NameContains=prefix, StatusEquals="Failed")["TrainingJobSummaries"]
        jobs = [client.describe_training_job(TrainingJobName=row["TrainingJobName"]) for row in listed]
        return [job for job in jobs if job["FailureReason"].startswith("CapacityError")]

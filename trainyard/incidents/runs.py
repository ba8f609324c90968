"""A short execution to do something to: the pipeline of a workload that small machines train in seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass

from trainyard.incidents.scene import IncidentFailed, Scene, require
from trainyard.operations import executions, training
from trainyard.operations.executions import Execution
from trainyard.operations.training import TrainingRun

WORKLOAD = "bytes-lm"


@dataclass(frozen=True, kw_only=True)
class Run:
    """An execution that was started for an incident."""

    scene: Scene
    arn: str

    @property
    def jobs(self) -> str:
        """Shell pattern of the names of its jobs, which faults take."""
        return f"pipelines-{self.arn.rpartition('/')[2]}-*"

    def describe(self) -> Execution:
        """The execution as it is."""
        return executions.describe(self.scene.connection, self.arn)

    def job(self, seconds: float = 300.0) -> str:
        """Name of its training job, once it has one.

        Raises:
            IncidentFailed: The execution ended before, or it took too long.
        """

        def look() -> str | None:
            execution = self.describe()
            if execution.status in ("Failed", "Stopped"):
                raise IncidentFailed(f"{self.arn}: it has {execution.status.lower()}: {execution.reason}")
            return next((step.job for step in execution.steps if step.is_training and step.job), None)

        return self.scene.wait(look, seconds, "training to begin")

    def training(self) -> TrainingRun:
        """What its training job has reported."""
        return training.read(self.scene.connection, self.job())

    def ended(self, seconds: float = 300.0) -> Execution:
        """The execution when it has ended."""

        def look() -> Execution | None:
            execution = self.describe()
            return execution if execution.is_final else None

        return self.scene.wait(look, seconds, "the execution to end")

    def trained(self, seconds: float = 300.0) -> TrainingRun:
        """What its training job has reported, once its step has succeeded; what comes after it need not.

        Raises:
            IncidentFailed: The execution ended otherwise, or it took too long.
        """

        def look() -> bool:
            execution = self.describe()
            if execution.status in ("Failed", "Stopped"):
                raise IncidentFailed(f"{self.arn}: it has {execution.status.lower()}: {execution.reason}")
            return any(step.is_training and step.status == "Succeeded" for step in execution.steps)

        self.scene.wait(look, seconds, "training to end")
        return self.training()

    def checkpoints(self) -> str:
        """URI of its checkpoints: what the hyperparameter of the job says."""
        found = self.scene.client("sagemaker").describe_training_job(TrainingJobName=self.job())
        return str(found["HyperParameters"]["checkpoint_uri"])


def commit_steps(scene: Scene, workload: str = WORKLOAD) -> int:
    """Steps between two commits of a workload, as its deployed pipeline has it."""
    found = scene.client("sagemaker").describe_pipeline(PipelineName=scene.stack(workload))
    steps = json.loads(found["PipelineDefinition"])["Steps"]
    train = next(step for step in steps if step["Type"] == "Training")
    return int(json.loads(train["Arguments"]["HyperParameters"]["checkpointing"])["every_steps"])


def start(scene: Scene, *, steps: int, workload: str = WORKLOAD) -> Run:
    """Start an execution; it is stopped when the scene is left before its end.

    Args:
        scene: Where it is played.
        steps: Of training.
        workload: Whose pipeline.
    """
    pipeline = scene.stack(workload)
    # What so few steps reach need not beat a baseline: that is not what is played.
    arn = executions.start(scene.connection, pipeline, {"TrainingSteps": str(steps), "Threshold": "8"})
    run = Run(scene=scene, arn=arn)

    def stop() -> None:
        if not run.describe().is_final:
            scene.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=arn)

    scene.afterwards(stop)
    scene.variables |= {"PIPELINE": pipeline, "EXECUTION": arn}
    return run


def require_nothing_lost(run: TrainingRun, steps: int, promise: int) -> str:
    """Hold a training against what checkpoints promise: all steps were done, few of them twice.

    Args:
        run: The training.
        steps: That it had to do.
        promise: Steps that an interruption may cost at most.

    Raises:
        IncidentFailed: A step is missing, or more were done again.
    """
    losses = run.losses()
    require(sorted(losses) == list(range(1, steps + 1)), f"{run.job}: {len(losses)} of {steps} steps were done")
    again = sum(len(values) - 1 for values in losses.values())
    most = promise * max(1, len(run.interruptions()))
    require(again <= most, f"{run.job}: {again} steps were done again, and {most} are the most that is promised")
    return f"all {steps} steps done, {again} of them again after {len(run.interruptions())} interruptions"

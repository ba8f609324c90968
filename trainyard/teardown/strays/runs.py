"""What runs: executions and jobs of the environment's roles; what would start more; hosts that wait for a job."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from trainyard.teardown.bills import Bill
from trainyard.teardown.holders import Say
from trainyard.teardown.looking import Look
from trainyard.teardown.strays.base import Around, Stray, When

_POLL_SECONDS = 5.0
_ENDED = ("Completed", "Failed", "Stopped", "Succeeded", "FAILED", "SUCCEEDED", "ABORTED", "TIMED_OUT")
_GONE = (
    "does not exist",
    "not found",
    "ResourceNotFound",
    "has already ended",
    "already in a terminal",
    "is not running",
)
JOBS = (
    ("Training", "list_training_jobs", "TrainingJobSummaries", "describe_training_job", "stop_training_job"),
    ("Processing", "list_processing_jobs", "ProcessingJobSummaries", "describe_processing_job", "stop_processing_job"),
    ("Transform", "list_transform_jobs", "TransformJobSummaries", "describe_transform_job", "stop_transform_job"),
    ("HyperParameterTuning", "list_hyper_parameter_tuning_jobs", "HyperParameterTuningJobSummaries",
     "describe_hyper_parameter_tuning_job", "stop_hyper_parameter_tuning_job"),
)  # fmt: skip
"""Kind, how it is listed, the answer's list, how it is described, how it is stopped."""


def runs(around: Around) -> Iterator[Stray]:
    """In the order in which they are looked for; `When` says in which they go."""
    client = around.look.client("events")
    for name in around.of("AWS::Events::Rule"):
        bus, _, rule = name.rpartition("|")
        named = {"Name": rule, **({"EventBusName": bus} if bus else {})}
        found = around.look.unless(_GONE, functools.partial(client.describe_rule, **named))
        if found and found["State"] == "ENABLED":
            yield Rule(what=f"rule {rule}", why="disabled, so that it starts nothing any more", when=When.TRIGGERS,
                       name=rule, bus=bus)  # fmt: skip
    yield from _executions(around)
    yield from _machines(around)
    for kind, list_, key, describe, stop in JOBS:
        for state in ("InProgress", "Stopping"):
            for each in around.look.all("sagemaker", list_, key, StatusEquals=state):
                name = each[f"{kind}JobName"]
                described = getattr(around.look.client("sagemaker"), describe)(**{f"{kind}JobName": name})
                if around.role(_role(described)):
                    yield Job(what=f"{kind.lower()} job {name}", why="runs with a role of the environment",
                              bill=_job_bill(around, kind, described), when=When.RUNS, kind=kind, name=name,
                              describe=describe, stop=stop)  # fmt: skip
    yield from _pools(around)


def _executions(around: Around) -> Iterator[Stray]:
    for pipeline in around.of("AWS::SageMaker::Pipeline"):
        for each in around.look.of(_GONE, "sagemaker", "list_pipeline_executions", "PipelineExecutionSummaries",
                                   PipelineName=pipeline):  # fmt: skip
            arn = each["PipelineExecutionArn"]
            if each["PipelineExecutionStatus"] not in _ENDED:
                yield Execution(what=f"execution {arn.rpartition('/')[2]} of {pipeline}", why="stopped with its jobs",
                                when=When.RUNS, arn=arn)  # fmt: skip


def _machines(around: Around) -> Iterator[Stray]:
    for machine in around.of("AWS::StepFunctions::StateMachine"):
        for each in around.look.of(("StateMachineDoesNotExist",), "stepfunctions", "list_executions", "executions",
                                   stateMachineArn=machine, statusFilter="RUNNING"):  # fmt: skip
            yield MachineExecution(what=f"state machine execution {each['name']}", why="stopped", when=When.RUNS,
                                   arn=each["executionArn"])  # fmt: skip


def _pools(around: Around) -> Iterator[Stray]:
    """Warm pools bill like the job did, without a job (Train using SageMaker managed warm pools, SageMaker AI Developer
    Guide, read 2026-11-22)."""
    for each in around.look.all(
        "sagemaker", "list_training_jobs", "TrainingJobSummaries", WarmPoolStatusEquals="Available"
    ):
        name = each["TrainingJobName"]
        described = around.look.client("sagemaker").describe_training_job(TrainingJobName=name)
        if around.role(described.get("RoleArn")):
            yield Pool(what=f"warm pool of {name}", why="waits for another job, and bills", when=When.IDLE, name=name,
                       bill=_job_bill(around, "Training", described))  # fmt: skip


def _role(described: dict[str, Any]) -> object:
    return described.get("RoleArn") or (described.get("TrainingJobDefinition") or {}).get("RoleArn", "")


def _job_bill(around: Around, kind: str, described: dict[str, Any]) -> Bill:
    found = described.get("ResourceConfig") or described.get("ProcessingResources", {}).get("ClusterConfig") or {}
    item = f"{found.get('InstanceType')}/{'processing' if kind == 'Processing' else 'training'}"
    return around.tariff.hourly(item, found.get("InstanceCount", 1))


def until(ended: Callable[[], bool], look: Look) -> None:
    """Wait."""
    while not ended():
        time.sleep(_POLL_SECONDS if look.connection.cloud is None else 0.2)


@dataclass(frozen=True, kw_only=True)
class Rule(Stray):
    """Of EventBridge."""

    name: str
    bus: str

    def remove(self, look: Look, say: Say) -> None:
        more = {"EventBusName": self.bus} if self.bus else {}
        look.unless(("ResourceNotFoundException",), lambda: look.client("events").disable_rule(Name=self.name, **more))


@dataclass(frozen=True, kw_only=True)
class Execution(Stray):
    """Of a pipeline."""

    arn: str

    def remove(self, look: Look, say: Say) -> None:
        client = look.client("sagemaker")

        def state() -> str:
            found = client.describe_pipeline_execution(PipelineExecutionArn=self.arn)
            return str(found["PipelineExecutionStatus"])

        if state() == "Executing":
            look.unless(
                (*_GONE, "ValidationException"), lambda: client.stop_pipeline_execution(PipelineExecutionArn=self.arn)
            )
        until(lambda: state() in _ENDED, look)


@dataclass(frozen=True, kw_only=True)
class MachineExecution(Stray):
    """Of a state machine."""

    arn: str

    def remove(self, look: Look, say: Say) -> None:
        client = look.client("stepfunctions")
        look.unless(("ExecutionDoesNotExist",), lambda: client.stop_execution(executionArn=self.arn, cause="teardown"))
        until(lambda: client.describe_execution(executionArn=self.arn)["status"] in _ENDED, look)


@dataclass(frozen=True, kw_only=True)
class Job(Stray):
    """A job that no execution, or one that is not of a pipeline of the stacks, has started."""

    kind: str
    name: str
    describe: str
    stop: str

    def remove(self, look: Look, say: Say) -> None:
        client, named = look.client("sagemaker"), {f"{self.kind}JobName": self.name}

        def state() -> str:
            return str(getattr(client, self.describe)(**named)[f"{self.kind}JobStatus"])

        if state() == "InProgress":
            look.unless((*_GONE, "ValidationException"), lambda: getattr(client, self.stop)(**named))
        until(lambda: state() in _ENDED, look)


@dataclass(frozen=True, kw_only=True)
class Pool(Stray):
    """Hosts of a job that has ended."""

    name: str

    def remove(self, look: Look, say: Say) -> None:
        client = look.client("sagemaker")
        client.update_training_job(TrainingJobName=self.name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})
        until(lambda: client.describe_training_job(TrainingJobName=self.name).get("WarmPoolStatus", {}).get("Status")
              not in ("Available", "InUse"), look)  # fmt: skip

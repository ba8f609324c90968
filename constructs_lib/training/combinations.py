"""What CreateTrainingJob's shape allows and its rules forbid, or what would go wrong only when the job runs.

Sources, read 2026-11-21: CreateTrainingJob, API reference; "Run Training and Inference Containers in Internet-Free
Mode" for isolation; "Access a training container through AWS Systems Manager for remote debugging".
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from constructs_lib.training.channels import Channel, FileSystemChannel, StreamChannel
from constructs_lib.training.checkpoint import Checkpoint, DirectCheckpoint
from constructs_lib.training.tracking import TENSORBOARD_PATH, is_managed
from ml_contract.entrypoint import CODE
from ml_contract.errors import reject
from ml_contract.training.run import TrainingRun

if TYPE_CHECKING:
    from constructs_lib.training.steps.training import TrainingStep


def check(step: TrainingStep) -> None:
    """Refuse a training step that SageMaker would refuse, or that could not do what it says.

    Raises:
        ContractError: With the field and the way out.
    """
    _check_hyperparameters(step)
    _check_channels(step)
    step.capacity.check(step.resources)
    # A checkpoint that a subclass of a test or another app brings is asked by bind alone.
    if isinstance(step.checkpoint, Checkpoint) or step.checkpoint is None:
        step.capacity.bind(step.checkpoint)
    if step.network_isolation:
        _check_isolation(step)
    if step.encrypt_traffic and step.resources.efa:
        reject("encrypt_traffic", True, "traffic by Elastic Fabric Adapter is not encrypted and efa is True",
               "Set efa=False in the resources, or leave encrypt_traffic out.")  # fmt: skip
    if isinstance(step.hyperparameters, TrainingRun):
        _check_watching(step, step.hyperparameters)


def _check_hyperparameters(step: TrainingStep) -> None:
    if not dataclasses.is_dataclass(step.hyperparameters):
        reject("hyperparameters", step.hyperparameters, "it must be a dataclass", "Build one, such as TrainingRun(…).")
    fields = {
        field.name: getattr(step.hyperparameters, field.name) for field in dataclasses.fields(step.hyperparameters)
    }
    kind = type(step.hyperparameters).__name__
    streamed = [channel.hyperparameter for channel in step.channels if isinstance(channel, StreamChannel)]
    given = [*step.overrides, *(step.checkpoint.hyperparameters() if step.checkpoint else {})]
    for name in [*given, *(path.partition(".")[0] for path in streamed)]:
        if name not in fields:
            reject(f"overrides.{name}", name, f"{kind} has no such field",
                   f"Its fields are {', '.join(sorted(fields))}.")  # fmt: skip
    for path in streamed:
        outer, _, inner = path.partition(".")
        if outer in given:
            reject(f"overrides.{outer}", outer, f"the stream writes {path}", "Leave one of the two out.")
        if inner and inner not in {field.name for field in _fields(fields[outer])}:
            reject("channels.hyperparameter", path, f"{kind}.{outer} has no field {inner}", "Name one that it has.")
    if len(set(streamed)) < len(streamed):
        reject("channels", streamed, "two streams write one hyperparameter", "Give each its own.")


def _fields(value: object) -> tuple[dataclasses.Field[object], ...]:
    return dataclasses.fields(value) if dataclasses.is_dataclass(value) else ()


def _check_channels(step: TrainingStep) -> None:
    names = [channel.name for channel in step.channels if isinstance(channel, Channel | FileSystemChannel)]
    if len({*names, CODE}) <= len(names):
        reject("channels", names, f"names differ, and {CODE!r} is the program's own", "Rename a channel.")
    for channel in step.channels:
        if not isinstance(channel, Channel):
            continue
        for group in channel.instance_groups:
            if group not in step.resources.groups:
                known = ", ".join(step.resources.groups)
                reject(f"channels.{channel.name}.instance_groups", group, "the resources have no such group",
                       f"They are {known}." if known else "Take HeterogeneousResources, or leave it out.")  # fmt: skip
        if channel.mode == "Pipe" and isinstance(step.hyperparameters, TrainingRun):
            reject(f"channels.{channel.name}.mode", "Pipe", "the training code of a TrainingRun reads files",
                   "Take File or FastFile, or StreamChannel.")  # fmt: skip


def _check_isolation(step: TrainingStep) -> None:
    run = step.hyperparameters if isinstance(step.hyperparameters, TrainingRun) else None
    without = "containers without a network and without credentials cannot"
    for wrong, field, what, way_out in (
        (isinstance(step.checkpoint, DirectCheckpoint), "checkpoint", "write checkpoints to S3 themselves",
         "Take SyncedCheckpoint, which SageMaker copies."),
        (any(isinstance(channel, StreamChannel) for channel in step.channels), "channels", "read S3 themselves",
         "Take Channel(…), which SageMaker reads for them."),
        (step.mlflow is not None or (run is not None and run.watching.mlflow_uri is not None), "mlflow",
         "reach MLflow", "Leave it out and take TensorBoardOutput, which SageMaker copies."),
        (step.remote_debugging, "remote_debugging", "reach Systems Manager", "Leave it out."),
        (run is not None and run.watching.wandb == "online", "hyperparameters.watching.wandb",
         "reach Weights & Biases", "Take offline."),
    ):  # fmt: skip
        if wrong:
            reject("network_isolation", True, f"{without} {what} ({field})", way_out)


def _check_watching(step: TrainingStep, run: TrainingRun) -> None:
    path = step.tensorboard.local_path if step.tensorboard else TENSORBOARD_PATH
    if run.watching.tensorboard != (step.tensorboard is not None) or path != TENSORBOARD_PATH:
        reject("tensorboard", step.tensorboard and step.tensorboard.local_path,
               f"the run's watching.tensorboard is {run.watching.tensorboard}, and it writes to {TENSORBOARD_PATH}",
               "Give both or neither: Watching(tensorboard=True) and TensorBoardOutput(location=…).")  # fmt: skip
    uri = run.watching.mlflow_uri
    managed = uri if uri is not None and is_managed(uri) else None
    arn = step.mlflow.arn if step.mlflow else None
    if managed != arn:
        reject("mlflow", arn, f"the run's watching.mlflow_uri is {uri!r}",
               "Give both or neither: Watching(mlflow_uri=ARN) and MlflowTracking(arn=ARN, …).")  # fmt: skip
    if step.mlflow and step.mlflow.experiment != run.watching.mlflow_experiment:
        reject("mlflow.experiment", step.mlflow.experiment,
               f"the run's watching.mlflow_experiment is {run.watching.mlflow_experiment!r}",
               "Write it alike.")  # fmt: skip

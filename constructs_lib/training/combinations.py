"""What CreateTrainingJob's shape allows and its rules forbid, or what would go wrong only when the job runs.

Sources, read 2026-11-21: CreateTrainingJob, API reference; "Run Training and Inference Containers in Internet-Free
Mode" for isolation; "Access a training container through AWS Systems Manager for remote debugging".
"""

from __future__ import annotations

import dataclasses

from constructs_lib.training.channels import Channel, FileSystemChannel, StreamChannel
from constructs_lib.training.checkpoint import Checkpoint, DirectCheckpoint
from constructs_lib.training.job import TrainingJob
from constructs_lib.training.tracking import TENSORBOARD_PATH, is_managed
from ml_contract.entrypoint import CODE
from ml_contract.errors import reject
from ml_contract.training.run import TrainingRun


def check(job: TrainingJob) -> None:
    """Refuse a training job that SageMaker would refuse, or that could not do what it says.

    Raises:
        ContractError: With the field and the way out.
    """
    _check_hyperparameters(job)
    _check_channels(job)
    job.capacity.check(job.resources)
    # A checkpoint that a subclass of a test or another app brings is asked by bind alone.
    if isinstance(job.checkpoint, Checkpoint) or job.checkpoint is None:
        job.capacity.bind(job.checkpoint)
    if job.network_isolation:
        _check_isolation(job)
    if job.encrypt_traffic and job.resources.efa:
        reject("encrypt_traffic", True, "traffic by Elastic Fabric Adapter is not encrypted and efa is True",
               "Set efa=False in the resources, or leave encrypt_traffic out.")  # fmt: skip
    if isinstance(job.hyperparameters, TrainingRun):
        _check_watching(job, job.hyperparameters)


def _check_hyperparameters(job: TrainingJob) -> None:
    if not dataclasses.is_dataclass(job.hyperparameters):
        reject("hyperparameters", job.hyperparameters, "it must be a dataclass", "Build one, such as TrainingRun(…).")
    fields = {field.name: getattr(job.hyperparameters, field.name) for field in dataclasses.fields(job.hyperparameters)}
    kind = type(job.hyperparameters).__name__
    streamed = [channel.hyperparameter for channel in job.channels if isinstance(channel, StreamChannel)]
    given = [*job.overrides, *(job.checkpoint.hyperparameters() if job.checkpoint else {})]
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


def _check_channels(job: TrainingJob) -> None:
    names = [channel.name for channel in job.channels if isinstance(channel, Channel | FileSystemChannel)]
    if len({*names, CODE}) <= len(names):
        reject("channels", names, f"names differ, and {CODE!r} is the program's own", "Rename a channel.")
    for channel in job.channels:
        if not isinstance(channel, Channel):
            continue
        for group in channel.instance_groups:
            if group not in job.resources.groups:
                known = ", ".join(job.resources.groups)
                reject(f"channels.{channel.name}.instance_groups", group, "the resources have no such group",
                       f"They are {known}." if known else "Take HeterogeneousResources, or leave it out.")  # fmt: skip
        if channel.mode == "Pipe" and isinstance(job.hyperparameters, TrainingRun):
            reject(f"channels.{channel.name}.mode", "Pipe", "the training code of a TrainingRun reads files",
                   "Take File or FastFile, or StreamChannel.")  # fmt: skip


def _check_isolation(job: TrainingJob) -> None:
    run = job.hyperparameters if isinstance(job.hyperparameters, TrainingRun) else None
    without = "containers without a network and without credentials cannot"
    for wrong, field, what, way_out in (
        (isinstance(job.checkpoint, DirectCheckpoint), "checkpoint", "write checkpoints to S3 themselves",
         "Take SyncedCheckpoint, which SageMaker copies."),
        (any(isinstance(channel, StreamChannel) for channel in job.channels), "channels", "read S3 themselves",
         "Take Channel(…), which SageMaker reads for them."),
        (job.mlflow is not None or (run is not None and run.watching.mlflow_uri is not None), "mlflow",
         "reach MLflow", "Leave it out and take TensorBoardOutput, which SageMaker copies."),
        (job.remote_debugging, "remote_debugging", "reach Systems Manager", "Leave it out."),
        (run is not None and run.watching.wandb == "online", "hyperparameters.watching.wandb",
         "reach Weights & Biases", "Take offline."),
    ):  # fmt: skip
        if wrong:
            reject("network_isolation", True, f"{without} {what} ({field})", way_out)


def _check_watching(job: TrainingJob, run: TrainingRun) -> None:
    path = job.tensorboard.local_path if job.tensorboard else TENSORBOARD_PATH
    if run.watching.tensorboard != (job.tensorboard is not None) or path != TENSORBOARD_PATH:
        reject("tensorboard", job.tensorboard and job.tensorboard.local_path,
               f"the run's watching.tensorboard is {run.watching.tensorboard}, and it writes to {TENSORBOARD_PATH}",
               "Give both or neither: Watching(tensorboard=True) and TensorBoardOutput(location=…).")  # fmt: skip
    uri = run.watching.mlflow_uri
    managed = uri if uri is not None and is_managed(uri) else None
    arn = job.mlflow.arn if job.mlflow else None
    if managed != arn:
        reject("mlflow", arn, f"the run's watching.mlflow_uri is {uri!r}",
               "Give both or neither: Watching(mlflow_uri=ARN) and MlflowTracking(arn=ARN, …).")  # fmt: skip
    if job.mlflow and job.mlflow.experiment != run.watching.mlflow_experiment:
        reject("mlflow.experiment", job.mlflow.experiment,
               f"the run's watching.mlflow_experiment is {run.watching.mlflow_experiment!r}",
               "Write it alike.")  # fmt: skip

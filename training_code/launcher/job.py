"""What the platform wrote for this host, read and checked before anything starts."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.machinery import PathFinder
from typing import Any

from ml_contract.errors import ContractError, reject
from ml_contract.hyperparameters import decode
from ml_contract.images import IMAGES, MPI_DOCKERFILE
from ml_contract.instances import InstanceType, instance
from ml_contract.paths import ContainerPaths
from ml_contract.resources import ResourceConfig
from ml_contract.training.layout import World
from ml_contract.training.run import TrainingRun

CHANNEL = "train"
"""The input channel that holds the shards."""

S3_MODULES = ("awscrt", "boto3")
"""What checkpoints and streams in S3 need."""


class ImageLacksModule(ContractError):
    """The image does not hold what the workload imports, or what starts its ranks."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training job as one of its hosts sees it."""

    resources: ResourceConfig
    instance: InstanceType
    run: TrainingRun

    @classmethod
    def read(cls, paths: ContainerPaths) -> Job:
        """Read and check the contract's files.

        Raises:
            ContractError: A file, a hyperparameter, the instance type or the channel is not as the contract says.
            ImageLacksModule: A module that the workload imports, or a program that starts ranks, is missing.
        """
        resources = ResourceConfig.read(paths)
        run = read_run(paths)
        if run.loading.stream_uri is None:
            _check_channel(paths)
        found = instance(resources.instance_type, field="current_instance_type")
        check_programs(run, len(resources.hosts))
        run.bind(World(hosts=len(resources.hosts), ranks_per_host=found.processes))
        check_modules(required_modules(run))
        return cls(resources=resources, instance=found, run=run)


def read_run(paths: ContainerPaths) -> TrainingRun:
    """Decode hyperparameters.json strictly. Raises ContractError naming the field."""
    return decode(TrainingRun, _json_object(paths, "hyperparameters"))


def required_modules(run: TrainingRun) -> tuple[str, ...]:
    """Names of the modules that a run imports."""
    named = ["torch", *run.workload.imported, *run.strategy.modules]
    if run.precision.compute == "float8":
        named.append("torchao")
    if run.watching.tensorboard:
        named.append("tensorboard")
    if run.watching.mlflow_uri:
        named.append("mlflow")
        if run.watching.mlflow_uri.startswith("arn:"):
            # MLflow itself does not know what an ARN is.
            named.append("sagemaker_mlflow")
    if run.watching.wandb != "off":
        named.append("wandb")
    if (run.checkpoint_uri or "").startswith("s3:") or run.loading.stream_uri:
        named.extend(S3_MODULES)
    return tuple(dict.fromkeys(named))


def check_modules(names: Iterable[str]) -> None:
    """Look modules up without importing them: torch alone takes seconds. Raises ImageLacksModule."""
    missing = [name for name in names if not _exists(name)]
    if missing:
        holders = [f"{image.repository}:{image.tag}" for image in IMAGES if image.modules & set(missing)]
        named = f" {' and '.join(holders)} of AWS holds {', '.join(missing)}." if holders else ""
        if "horovod.torch" in missing:
            named = f" {MPI_DOCKERFILE} builds one with Horovod."
        raise ImageLacksModule(
            "image", missing, "the workload imports these modules and it has none",
            f"Use an image whose environment holds them.{named}",
        )  # fmt: skip


def _exists(name: str) -> bool:
    """Whether a module can be imported. A package is looked through by its folders: find_spec would import it."""
    package, *rest = name.split(".")
    spec = importlib.util.find_spec(package)
    for part in rest:
        package = f"{package}.{part}"
        if spec is None or spec.submodule_search_locations is None:
            return False
        spec = PathFinder.find_spec(package, list(spec.submodule_search_locations))
    return spec is not None


def check_programs(run: TrainingRun, hosts: int) -> None:
    """What starts the ranks is there. Raises ImageLacksModule."""
    if run.strategy.launcher != "mpirun":
        return
    # Between hosts mpirun goes over SSH; the server's folder is on no user's path.
    names = ["mpirun"] + (["ssh", "sshd"] if hosts > 1 else [])
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    missing = [name for name in names if shutil.which(name, path=path) is None]
    if missing:
        raise ImageLacksModule(
            "image", missing, f"the strategy {run.strategy.kind} starts its ranks with {' and '.join(names)}",
            f"Build {MPI_DOCKERFILE}, which adds them, or take Ddp(), which does the same without MPI.",
        )  # fmt: skip


def _check_channel(paths: ContainerPaths) -> None:
    channels = _json_object(paths, "input_data_config")
    if CHANNEL not in channels:
        reject("input channels", sorted(channels), f"training reads the channel {CHANNEL!r}",
               f"Name the channel of the shards {CHANNEL!r}.")  # fmt: skip
    if not paths.channel(CHANNEL).is_dir():
        reject(f"channel {CHANNEL}", str(paths.channel(CHANNEL)), "the folder does not exist",
               "Give the channel an S3 prefix that holds the shards.")  # fmt: skip


def _json_object(paths: ContainerPaths, name: str) -> Mapping[str, Any]:
    path = getattr(paths, name)
    try:
        found = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        reject(str(path), f"{type(error).__name__}: {error}", "SageMaker writes it for every training job",
               "Start the container under the training contract, or set SAGEMAKER_BASE_DIR.")  # fmt: skip
    if not isinstance(found, dict):
        reject(str(path), type(found).__name__, "it must hold a JSON object", "Check what started the container.")
    return found

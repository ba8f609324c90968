"""What a run's parallel strategy asks of a job: image, instance types, and a world that its degrees divide.

Sources, read 2026-11-21: SageMaker Python SDK 3.27, fw_utils.SM_DATAPARALLEL_SUPPORTED_INSTANCE_TYPES, for the types of
the data parallelism library; ml_contract.images for what each image holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from constructs_lib.training.image import ContainerImage, DeepLearningImage, EcrImage
from constructs_lib.training.resources import JobResources
from ml_contract.errors import ContractError, reject
from ml_contract.images import MPI_DOCKERFILE, PYTORCH_TRAINING, PYTORCH_TRAINING_CPU, SMDDP, SMP
from ml_contract.instances import instance
from ml_contract.sizing.fit import check_fit
from ml_contract.training.aws_strategies import SageMakerDataParallel, SageMakerModelParallel
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun

SMDDP_TYPES = ("ml.p3.16xlarge", "ml.p3dn.24xlarge", "ml.p4d.24xlarge", "ml.p4de.24xlarge")
OWN_IMAGE = "Build images/training/Dockerfile and take EcrImage(repository=…, tag=…)"
MPI_IMAGE = f"Build {MPI_DOCKERFILE} and take EcrImage(repository=…, tag=…)"
_ONLY_THERE = SMP.modules | SMDDP.modules


@dataclass(frozen=True, kw_only=True)
class StrategyBinding:
    """A run bound to hosts and an image."""

    image: ContainerImage
    """What the job runs in."""
    layouts: tuple[Layout, ...]
    """How the ranks are divided, for every world that may come about."""
    notes: tuple[str, ...] = ()
    """Sentences for whoever synthesises: what could not be checked."""


def bind(
    run: TrainingRun, resources: JobResources, image: ContainerImage | None, *, field: str = "hyperparameters"
) -> StrategyBinding:
    """Hold a run against its hosts and find its image.

    Args:
        run: The run.
        resources: Its hosts.
        image: The image that was chosen; None takes the strategy's own.
        field: What an error calls the run.

    Raises:
        ContractError: The image lacks what the strategy imports, the types do not run it, its degrees do not divide
            the ranks, or the model does not fit their memory.
    """
    _check_types(run, resources)
    chosen = image or _own_image(run, resources)
    notes = [*_check_image(run, resources, chosen)]
    layouts = []
    with _below(field):
        for world in resources.worlds():
            layouts.append(run.bind(world))
            for name in dict.fromkeys(resources.types):
                if instance(name).processes == world.ranks_per_host:
                    notes += check_fit(run, name, world.hosts).notes
    return StrategyBinding(image=chosen, layouts=tuple(layouts), notes=tuple(dict.fromkeys(notes)))


def _own_image(run: TrainingRun, resources: JobResources) -> ContainerImage:
    if isinstance(run.strategy, SageMakerModelParallel):
        return DeepLearningImage(image=SMP)
    if isinstance(run.strategy, SageMakerDataParallel):
        return DeepLearningImage(image=SMDDP)
    if run.strategy.launcher == "mpirun":
        reject("image", None, f"the strategy {run.strategy.kind} runs in an image of your own, with Open MPI",
               f"{MPI_IMAGE}, with {', '.join(('mpirun', *run.strategy.modules))} in it.")  # fmt: skip
    return DeepLearningImage(image=PYTORCH_TRAINING if resources.is_accelerated else PYTORCH_TRAINING_CPU)


def _check_types(run: TrainingRun, resources: JobResources) -> None:
    kind = run.strategy.kind
    for name in resources.types:
        device = instance(name).device
        if device is not None and device.runs_on != "cuda":
            reject("resources", name, f"its accelerators ({device.name}) run no CUDA, and the code knows nothing else",
                   "Take a type with NVIDIA GPUs.")  # fmt: skip
        if isinstance(run.strategy, SageMakerDataParallel) and name not in SMDDP_TYPES:
            reject("resources", name, f"the strategy {kind} runs on {', '.join(SMDDP_TYPES)} only",
                   "Take one of these, or Ddp().")  # fmt: skip
        if isinstance(run.strategy, SageMakerModelParallel) and device is None:
            reject("resources", name, f"the strategy {kind} needs GPUs", "Take a type with GPUs, or Fsdp().")


def _check_image(run: TrainingRun, resources: JobResources, image: ContainerImage) -> Iterator[str]:
    wanted = run.strategy.modules
    if isinstance(image, EcrImage):
        lacking = [module for module in wanted if module not in image.modules and module not in _INSTALLED]
        if lacking:
            reject("image.modules", sorted(image.modules), f"the strategy {run.strategy.kind} imports {lacking[0]}",
                   f"Build the image with it and write modules=frozenset({set(lacking)!r}).")  # fmt: skip
        return
    if not isinstance(image, DeepLearningImage):
        return
    name = f"{image.image.repository}:{image.image.tag}"
    lacking = [module for module in wanted if module in _ONLY_THERE and module not in image.image.modules]
    if lacking:
        holder = SMP if lacking[0] in SMP.modules else SMDDP
        reject("image", name, f"the strategy {run.strategy.kind} imports {lacking[0]}, which it lacks",
               f"Leave image out, or take {holder.repository}:{holder.tag}.")  # fmt: skip
    if run.strategy.launcher == "mpirun":
        reject("image", name, f"the strategy {run.strategy.kind} runs in an image of your own, with Open MPI",
               f"{MPI_IMAGE}.")  # fmt: skip
    if image.image.modules - set(wanted) and not set(wanted) & _ONLY_THERE:
        reject("image", name, f"it is for SageMaker's libraries, which the strategy {run.strategy.kind} does not use",
               "Leave image out.")  # fmt: skip
    if image.image.processor == "cpu" and resources.is_accelerated:
        reject("image", name, f"it knows no GPU and {', '.join(resources.types)} has some", "Leave image out.")
    known = _EVERYWHERE | (_BESIDE_SMP if image.image == SMP else frozenset())
    further = sorted({*wanted, *run.workload.modules} - _ONLY_THERE - known)
    if further:
        yield (f"image: got {name}, but it is not known to hold {', '.join(further)}, which {run.workload.kind} with "
               f"{run.strategy.kind} imports. {OWN_IMAGE}; the embedded cloud has them.")  # fmt: skip


_EVERYWHERE = frozenset({"numpy"})
"""Beside torch, what every image with PyTorch holds."""
_BESIDE_SMP = frozenset({"transformers", "accelerate"})
"""What the model parallelism library's image holds for it: the scripts of its guide import them."""
_INSTALLED = frozenset({"deepspeed"})
"""What images/training/Dockerfile installs beside torch and a strategy may ask for: requirements/training.txt."""


@contextmanager
def _below(field: str) -> Iterator[None]:
    try:
        yield
    except ContractError as error:
        if error.field in ("resources", "instance_groups"):
            raise
        raise ContractError(f"{field}.{error.field}", error.value, error.rule, error.way_out) from None

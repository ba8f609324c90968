"""What SageMaker hosts models on, and what each way of hosting refuses.

Sources, read 2026-11-21: ProductionVariant, ProductionVariantServerlessConfig and DataCaptureConfig, SageMaker API
reference (botocore's service model of that day); "Supported algorithms, frameworks, and instances for multi-model
endpoints", "Deploy models with Amazon SageMaker Serverless Inference", SageMaker AI Developer Guide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ml_contract.errors import reject
from ml_contract.instances import instance

READ_ON = "2026-11-21"

NOT_HOSTED = frozenset({"ml.c5n.18xlarge", "ml.p3dn.24xlarge"})
"""Types of the instance catalogue that train only: ProductionVariantInstanceType does not list them."""

MULTI_MODEL_GPU_FAMILIES = ("p2", "p3", "g4dn", "g5")
"""GPU families that several models may share, as the Developer Guide lists them. A newer one is one word here."""

SERVERLESS_MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
SERVERLESS_CONCURRENCY = 200
"""Requests at once that one serverless endpoint answers at most."""

MetricSeconds = Literal[10, 30, 60, 120, 180, 240, 300]
"""Values of MetricPublishFrequencyInSeconds."""

AmiVersion = Literal[
    "al2-ami-sagemaker-inference-gpu-2",
    "al2-ami-sagemaker-inference-gpu-2-1",
    "al2-ami-sagemaker-inference-gpu-3-1",
    "al2023-ami-sagemaker-inference-gpu-4-1",
    "al2-ami-sagemaker-inference-neuron-2",
]
"""Values of InferenceAmiVersion: NVIDIA drivers 535, 535, 550 and 580; Neuron driver 2.19."""

AMI_CUDA: dict[AmiVersion, int] = {
    "al2-ami-sagemaker-inference-gpu-2": 12,
    "al2-ami-sagemaker-inference-gpu-2-1": 12,
    "al2-ami-sagemaker-inference-gpu-3-1": 12,
    "al2023-ami-sagemaker-inference-gpu-4-1": 13,
}
"""Newest major version of CUDA that the image's driver runs."""
CUDA_13_AMI: AmiVersion = "al2023-ami-sagemaker-inference-gpu-4-1"
CUDA_13_AMI_FAMILIES = frozenset({"g4dn", "g5", "g6", "g6e", "p4d", "p4de", "p5", "p5e", "p5en"})
"""Families whose own machine image has an older driver, and which take this one: a container with CUDA 13 does not
start without it. Source: SageMaker Python SDK 3.27, serve/model_builder_servers.py, read 2026-11-21, which adds it too.
"""

CUDA_13_LEFT = frozenset({"V100-16GB", "V100-32GB"})
"""Accelerators that CUDA 13 knows no more ("CUDA Toolkit 13.0 Release Notes": Maxwell, Pascal and Volta)."""


def family(instance_type: str) -> str:
    """``g5`` of ``ml.g5.xlarge``."""
    return instance_type.split(".")[1]


def check_type(name: str, *, field: str = "instance_type") -> None:
    """Refuse a type that hosts no model.

    Raises:
        ContractError: The catalogue does not hold it, or it only trains.
    """
    instance(name, field=field)
    if name in NOT_HOSTED:
        reject(field, name, "it trains, and hosts no model", "Take another, such as ml.c5.18xlarge or ml.p4d.24xlarge.")


def ami_for(types: Sequence[str], cuda: int | None) -> AmiVersion | None:
    """The machine image that a container with this CUDA needs on all of ``types``; None: their own.

    Raises:
        ContractError: Some need it and others do not take it, or a type's accelerators are too old for it.
    """
    if cuda is None or cuda < 13:
        return None
    for name in types:
        left = instance(name).accelerator
        if left in CUDA_13_LEFT:
            reject("instance_type", name, f"the container holds CUDA {cuda}, which runs on no {left}",
                   "Take a newer type, for example ml.g4dn.xlarge or ml.g5.xlarge, or an older image.")  # fmt: skip
    needing = [name for name in types if family(name) in CUDA_13_AMI_FAMILIES]
    others = [name for name in types if name not in needing]
    if needing and others:
        rule = f"CUDA 13 needs the machine image {CUDA_13_AMI} on {needing[0]}, and a variant has one image"
        families = ", ".join(sorted(CUDA_13_AMI_FAMILIES))
        reject("fallbacks", others[0], rule, f"Take types of {families} alone, or none of them.")
    return CUDA_13_AMI if needing else None


def check_cuda(ami: AmiVersion, cuda: int | None) -> None:
    """Refuse a machine image whose driver is too old for a container's CUDA.

    Raises:
        ContractError: It is.
    """
    newest = AMI_CUDA.get(ami)
    if cuda is not None and newest is not None and cuda > newest:
        reject("ami", ami, f"its driver runs CUDA {newest}, and the container holds CUDA {cuda}",
               f"Leave ami out, or take {CUDA_13_AMI}.")  # fmt: skip


def check_volume(name: str) -> None:
    """Refuse a volume's size for a type that brings disks of its own.

    Raises:
        ContractError: It does ("Host instance storage volumes", SageMaker AI Developer Guide).
    """
    if instance(name).has_local_storage:
        reject("volume_gib", name, "the type has disks of its own and takes no volume", "Leave volume_gib out.")


def check_ami(name: str, ami: str) -> None:
    """Refuse a machine image that drives other accelerators than the type has.

    Raises:
        ContractError: It does.
    """
    device = instance(name).device
    wanted = "neuron" if "neuron" in ami else "cuda"
    if device is None or device.runs_on != wanted:
        has = "no accelerators" if device is None else f"{device.name}, which {device.runs_on} drives"
        reject("ami", ami, f"{name} has {has}", "Leave ami out, or take one for the type's accelerators.")

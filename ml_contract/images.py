"""The AWS deep-learning images that Trainyard names: repository, tag, end of support, and the accounts that hold them.

Sources, read 2026-11-21: AWS Deep Learning Containers, "Framework support policy" and release notes of the repository
aws/deep-learning-containers; accounts by region and tags from the offline maps of the SageMaker Python SDK 3.27
(sagemaker/core/image_uri_config: pytorch-amzn2023, pytorch-smp, debugger, djl-lmi, djl-tensorrtllm), against which a
test holds this table; "Supported frameworks, AWS Regions, and instances types" of the data parallelism and of the model
parallelism library, SageMaker Developer Guide. That a tag exists in ECR was not verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from typing import Literal

from ml_contract.errors import reject
from ml_contract.values import value_object

READ_ON = "2026-11-21"


DEFAULT_ACCOUNT = "763104351884"
ACCOUNT_BY_REGION = {
    **dict.fromkeys(
        (
            "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-central-1",
            "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
            "ap-northeast-1", "ap-northeast-2",
        ),
        DEFAULT_ACCOUNT,
    ),
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-northeast-3": "364406365360",
    "ap-east-2": "975050140332",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "me-west-1": "124382933778",
    "mx-central-1": "637423239942",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
}  # fmt: skip


SMP_ACCOUNT = "658645717510"
SMP_REGIONS = (
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
    "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
DEBUGGER_ACCOUNT_BY_REGION = {
    "af-south-1": "314341159256",
    "ap-east-1": "199566480951",
    "ap-northeast-1": "430734990657",
    "ap-northeast-2": "578805364391",
    "ap-northeast-3": "479947661362",
    "ap-south-1": "904829902805",
    "ap-southeast-1": "972752614525",
    "ap-southeast-2": "184798709955",
    "ca-central-1": "519511493484",
    "cn-north-1": "618459771430",
    "cn-northwest-1": "658757709296",
    "eu-central-1": "482524230118",
    "eu-north-1": "314864569078",
    "eu-south-1": "563282790590",
    "eu-west-1": "929884845733",
    "eu-west-2": "250201462417",
    "eu-west-3": "447278800020",
    "me-south-1": "986000313247",
    "sa-east-1": "818342061345",
    "us-east-1": "503895931360",
    "us-east-2": "915447279597",
    "us-gov-west-1": "515509971035",
    "us-west-1": "685455198987",
    "us-west-2": "895741380848",
}


@value_object
class Image:
    """One image that AWS publishes."""

    repository: str
    tag: str
    end_of_support: date | None
    """Last day with patches; ``None`` where AWS names none."""
    processor: Literal["gpu", "cpu"] = "gpu"
    """What its PyTorch was built for."""
    modules: frozenset[str] = frozenset()
    """What it holds that no other image and no package index has."""
    cuda: int | None = None
    """Major version of the CUDA that it was built with; None where nothing depends on it."""
    accounts: Mapping[str, str] = field(default_factory=lambda: ACCOUNT_BY_REGION, compare=False)
    """Account that holds it, by region; the deep-learning containers' own by default."""

    def is_supported(self, today: date) -> bool:
        return self.end_of_support is None or today <= self.end_of_support


PYTORCH_TRAINING = Image(repository="pytorch", tag="2.13-cu133-amzn2023-sagemaker", end_of_support=date(2027, 7, 20))
"""PyTorch 2.13, the version that the tests run."""

PYTORCH_TRAINING_CPU = Image(
    repository="pytorch", tag="2.13-cpu-amzn2023-sagemaker", end_of_support=date(2027, 7, 20), processor="cpu"
)
"""The same without CUDA, for CPU instance types."""

PYTORCH_TRAINING_2_10 = Image(
    repository="pytorch-training", tag="2.10.0-gpu-py313-cu130-ubuntu22.04-sagemaker", end_of_support=date(2027, 1, 21)
)
PYTORCH_TRAINING_2_9 = Image(
    repository="pytorch-training", tag="2.9.0-gpu-py312-cu130-ubuntu22.04-sagemaker", end_of_support=date(2026, 10, 15)
)
"""Out of support: a job that names it is warned about at synth."""

SMP = Image(
    repository="smdistributed-modelparallel",
    tag="2.5.1-gpu-py311-cu124",
    end_of_support=None,
    modules=frozenset({"torch.sagemaker"}),
    accounts=dict.fromkeys(SMP_REGIONS, SMP_ACCOUNT),
)
"""The model parallelism library 2.8 with PyTorch 2.5.1: the newest that AWS lists."""

SMDDP = Image(
    repository="smdistributed-modelparallel",
    tag="2.4.1-gpu-py311-cu121",
    end_of_support=None,
    modules=frozenset({"smdistributed.dataparallel", "torch.sagemaker"}),
    accounts=dict.fromkeys(SMP_REGIONS, SMP_ACCOUNT),
)
"""The data parallelism library 2.5.0, its last release, with PyTorch 2.4.1. No framework container holds that release:
AWS lists it inside the image of the model parallelism library only."""

MPI_DOCKERFILE = "images/mpi/Dockerfile"
"""Of the image for the strategies mpi and horovod, which AWS publishes none for any more: Open MPI, an SSH server, and
Horovod on request, over images/training/Dockerfile."""

TRITON = Image(repository="sagemaker-tritonserver", tag="26.05-py3", end_of_support=None, cuda=13)
"""CUDA 13.2, by "Release Compatibility Matrix" of triton-inference-server/server at e1db8a6."""

LMI_VLLM = Image(repository="djl-inference", tag="0.38.0-lmi29.0.0-cu130", end_of_support=None, cuda=13)
"""Large Model Inference 29: DJL Serving 0.38 with vLLM, for CUDA 13, which Volta GPUs (p3) do not run."""

LMI_TENSORRT_LLM = Image(repository="djl-inference", tag="0.33.0-tensorrtllm0.21.0-cu128", end_of_support=None, cuda=12)
"""DJL Serving 0.33 with TensorRT-LLM 0.21, the newest that AWS lists."""

DEBUGGER_RULES = Image(
    repository="sagemaker-debugger-rules", tag="latest", end_of_support=None, processor="cpu",
    accounts=DEBUGGER_ACCOUNT_BY_REGION,
)  # fmt: skip
"""Evaluates built-in rules of Debugger and of the profiler."""

IMAGES = (PYTORCH_TRAINING, PYTORCH_TRAINING_CPU, PYTORCH_TRAINING_2_10, PYTORCH_TRAINING_2_9, SMP, SMDDP, TRITON,
          LMI_VLLM, LMI_TENSORRT_LLM, DEBUGGER_RULES)  # fmt: skip


def image_account(region: str, accounts: Mapping[str, str] = ACCOUNT_BY_REGION) -> str:
    """The account that holds an image in ``region``, of the deep-learning containers unless told otherwise.

    Raises:
        ContractError: The table does not hold the region.
    """
    account = accounts.get(region)
    if account is None:
        known = "" if accounts is ACCOUNT_BY_REGION else f" It holds {', '.join(sorted(accounts))}."
        reject("region", region, f"the table of image accounts of {READ_ON} does not hold it",
               f"Add a row with its source to ml_contract/images.py.{known}")  # fmt: skip
    return account


def image_uri(image: Image, region: str) -> str:
    """The image's address in ``region``, for example ``….dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-…``."""
    return f"{registry(image_account(region, image.accounts), region)}/{image.repository}:{image.tag}"


def registry(account: str, region: str) -> str:
    """Host of an account's private registry."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}"


def find(uri: str) -> Image | None:
    """The image that ``uri`` names, or ``None`` for an image of somebody else."""
    repository, _, tag = uri.rpartition("/")[2].partition(":")
    return next((image for image in IMAGES if (image.repository, image.tag) == (repository, tag)), None)

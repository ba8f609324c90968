"""The AWS deep-learning images that Trainyard names: repository, tag, end of support, and the accounts that hold them.

Sources, read 2026-11-21: AWS Deep Learning Containers, "Framework support policy" and release notes of the repository
aws/deep-learning-containers; accounts by region and tags from the offline maps of the SageMaker Python SDK 3.27
(sagemaker/core/image_uri_config), against which a test holds this table. That a tag exists in ECR was not verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ml_contract.errors import reject

READ_ON = "2026-11-21"


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image of the deep-learning containers."""

    repository: str
    tag: str
    end_of_support: date | None
    """Last day with patches; ``None`` where AWS names none."""

    def is_supported(self, today: date) -> bool:
        return self.end_of_support is None or today <= self.end_of_support


PYTORCH_TRAINING = Image(repository="pytorch", tag="2.13-cu133-amzn2023-sagemaker", end_of_support=date(2027, 7, 20))
"""PyTorch 2.13, the version that the tests run."""

PYTORCH_TRAINING_CPU = Image(repository="pytorch", tag="2.13-cpu-amzn2023-sagemaker", end_of_support=date(2027, 7, 20))
"""The same without CUDA, for CPU instance types."""

PYTORCH_TRAINING_2_10 = Image(
    repository="pytorch-training", tag="2.10.0-gpu-py313-cu130-ubuntu22.04-sagemaker", end_of_support=date(2027, 1, 21)
)
PYTORCH_TRAINING_2_9 = Image(
    repository="pytorch-training", tag="2.9.0-gpu-py312-cu130-ubuntu22.04-sagemaker", end_of_support=date(2026, 10, 15)
)
"""Out of support: a job that names it is warned about at synth."""

TRITON = Image(repository="sagemaker-tritonserver", tag="26.05-py3", end_of_support=None)

IMAGES = (PYTORCH_TRAINING, PYTORCH_TRAINING_CPU, PYTORCH_TRAINING_2_10, PYTORCH_TRAINING_2_9, TRITON)

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


def image_account(region: str) -> str:
    """The account that holds the images in ``region``.

    Raises:
        ContractError: The table does not hold the region.
    """
    account = ACCOUNT_BY_REGION.get(region)
    if account is None:
        reject("region", region, f"the table of image accounts of {READ_ON} does not hold it",
               "Add a row with its source to ml_contract/images.py.")  # fmt: skip
    return account


def image_uri(image: Image, region: str) -> str:
    """The image's address in ``region``, for example ``….dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-…``."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{image_account(region)}.dkr.ecr.{region}.{suffix}/{image.repository}:{image.tag}"


def find(uri: str) -> Image | None:
    """The image that ``uri`` names, or ``None`` for an image of somebody else."""
    repository, _, tag = uri.rpartition("/")[2].partition(":")
    return next((image for image in IMAGES if (image.repository, image.tag) == (repository, tag)), None)

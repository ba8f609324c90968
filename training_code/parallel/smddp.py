"""SageMaker's data parallel library: the backend ``smddp`` below DDP. Never executed outside AWS, nor by tests.

Its last release is for PyTorch 2.4. Under 2.4.1 the trunk and DDP were imported, no more; under 2.5.1 DDP trained and
resumed, on gloo. The workload llama needs 2.5 (``enable_gqa``). "Use the SMDDP library in your PyTorch training
script", SageMaker Developer Guide, read 2026-11.
"""

from __future__ import annotations

import importlib

from ml_contract.errors import reject
from ml_contract.images import SMDDP
from training_code.parallel.ddp import build

__all__ = ["BACKEND", "build", "register"]

BACKEND = "smddp"
_MODULE = "smdistributed.dataparallel.torch.torch_smddp"


def register() -> str:
    """Make the backend known to torch.distributed, before the process group is made.

    Returns:
        Its name.

    Raises:
        ContractError: The image does not hold the library.
    """
    try:
        importlib.import_module(_MODULE)
    except ImportError as error:
        reject("image", str(error), "the strategy smddp imports SageMaker's data parallel library",
               f"Take the image {SMDDP.repository}:{SMDDP.tag}, or Ddp().")  # fmt: skip
    return BACKEND

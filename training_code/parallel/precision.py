"""Number formats of matrix products: autocast, gradient scaling, float8."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import nn

from ml_contract.errors import reject
from ml_contract.training.optimization import Precision

FLOAT8_CAPABILITY = (8, 9)
"""Of the first GPUs with float8 matrix products: Ada and Hopper (CUDA programming guide, read 2026-11)."""

DTYPES = {
    "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "float8": torch.bfloat16
}  # fmt: skip
"""What surrounds the products; float8 is surrounded by bfloat16."""


def compute_dtype(precision: Precision) -> torch.dtype:
    """Type of activations, and of parameters where they are used."""
    return DTYPES[precision.compute]


def autocast(precision: Precision, device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Lower precision where parameters stay float32, as under DDP; nothing for float32."""
    dtype = compute_dtype(precision)
    return contextlib.nullcontext() if dtype is torch.float32 else torch.autocast(device.type, dtype)


def float8(block: nn.Module) -> None:
    """Replace the block's linear layers, where their widths allow it, by torchao's with tensorwise scaling.

    Raises:
        ContractError: The device has no float8 products. A CPU emulates them, for tests.
    """
    from torchao.float8 import Float8LinearConfig, convert_to_float8_training

    cuda = torch.cuda.is_available()
    if cuda and torch.cuda.get_device_capability() < FLOAT8_CAPABILITY:
        reject("precision.compute", "float8", f"{torch.cuda.get_device_name()} has no float8 products",
               "Take bfloat16, or a GPU from compute capability 8.9.")  # fmt: skip
    convert_to_float8_training(
        block, config=Float8LinearConfig(emulate=not cuda), module_filter_fn=lambda module, _: _divisible(module)
    )


def _divisible(module: nn.Module) -> bool:
    # The tensor cores' tiles: both widths are multiples of 16 (torch._scaled_mm).
    return isinstance(module, nn.Linear) and module.in_features % 16 == 0 and module.out_features % 16 == 0

"""The accelerators of the instance catalogue: how fast they multiply matrices, and in which formats.

Figures are dense peaks, without the factor of two that data sheets print for structured sparsity. Sources, read
2026-11-21: NVIDIA data sheets and architecture papers of V100, T4, A100, A10G (of AWS), L4, L40S, H100, H200 (SXM
modules, which are what these instances hold) and HGX B200 and B300; the Neuron documentation, "Trainium Architecture"
and "Trainium2 Architecture". A peak that was not found in such a source is None: no share of it is ever reported.
"""

from __future__ import annotations

import re
from typing import Literal

from ml_contract.values import value_object

READ_ON = "2026-11-21"


@value_object
class Accelerator:
    """One device."""

    name: str
    """As the instance catalogue writes it."""
    peak_tflops: float | None
    """Dense matrix products with bfloat16 operands and float32 sums, 10^12 operations a second; of float16 where the
    device has no bfloat16. None: not known."""
    formats: frozenset[str]
    """Values of ``Precision.compute`` that it multiplies at speed."""
    runs_on: Literal["cuda", "neuron"] = "cuda"
    """What drives it; the training code of this project knows CUDA."""

    @property
    def peak_flops(self) -> float | None:
        """The same, in operations a second."""
        return None if self.peak_tflops is None else self.peak_tflops * 1e12


_OLD = frozenset({"float32", "float16"})
_BF16 = _OLD | {"bfloat16"}
_FLOAT8 = _BF16 | {"float8"}
"""From compute capability 8.9 on."""


def _rows(*rows: Accelerator) -> dict[str, Accelerator]:
    return {row.name: row for row in rows}


ACCELERATORS = _rows(
    Accelerator(name="T4-16GB", peak_tflops=65, formats=_OLD),
    Accelerator(name="V100-16GB", peak_tflops=125, formats=_OLD),
    Accelerator(name="V100-32GB", peak_tflops=125, formats=_OLD),
    Accelerator(name="A10G-24GB", peak_tflops=70, formats=_BF16),
    Accelerator(name="A100-40GB", peak_tflops=312, formats=_BF16),
    Accelerator(name="A100-80GB", peak_tflops=312, formats=_BF16),
    Accelerator(name="L4-24GB", peak_tflops=121, formats=_FLOAT8),
    Accelerator(name="L40S-48GB", peak_tflops=362, formats=_FLOAT8),
    Accelerator(name="H100-80GB", peak_tflops=989.4, formats=_FLOAT8),
    Accelerator(name="H200-141GB", peak_tflops=989.4, formats=_FLOAT8),
    Accelerator(name="B200-179GB", peak_tflops=2250, formats=_FLOAT8),
    Accelerator(name="B300-268GB", peak_tflops=2250, formats=_FLOAT8),
    Accelerator(name="RTXPRO4500-32GB", peak_tflops=None, formats=_FLOAT8),
    Accelerator(name="RTXPRO6000-96GB", peak_tflops=None, formats=_FLOAT8),
    Accelerator(name="Trainium", peak_tflops=190, formats=_BF16, runs_on="neuron"),
    Accelerator(name="Trainium2", peak_tflops=667, formats=_FLOAT8, runs_on="neuron"),
)


def by_device_name(name: str) -> Accelerator | None:
    """The accelerator whose driver calls it so.

    Args:
        name: What ``torch.cuda.get_device_name()`` says, for example ``NVIDIA H100 80GB HBM3``.

    Returns:
        None for a device that no instance of the catalogue has; with several sizes of memory, one of them.
    """
    words = re.split(r"[^A-Z0-9]+", name.upper())
    if "NVL" in words or "PCIE" in words:
        # Cards of the same name with other clocks; the instances have modules.
        return None
    joined = "".join(words)
    for accelerator in ACCELERATORS.values():
        model = accelerator.name.partition("-")[0].upper()
        if model in words or (model.startswith("RTXPRO") and model in joined):
            return accelerator
    return None

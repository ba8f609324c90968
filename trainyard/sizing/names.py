"""Models and strategies by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from ml_contract.errors import reject
from ml_contract.training.strategies import Ddp, DeepSpeed, Fsdp, ModelParallel, Pipeline
from ml_contract.workloads import ArrCoc, BytesLm, Llama
from ml_contract.workloads.arr_coc import ARR_COC_2B
from ml_contract.workloads.llama import LLAMA_1_2B, LLAMA_7B, LLAMA_8B, LLAMA_13B, LLAMA_70B, MIXTRAL_8X7B

Model: TypeAlias = Llama | ArrCoc | BytesLm
Strategy: TypeAlias = Ddp | Fsdp | DeepSpeed | ModelParallel

MODELS: Mapping[str, Model] = {
    "llama-1b": LLAMA_1_2B,
    "llama-7b": LLAMA_7B,
    "llama-8b": LLAMA_8B,
    "llama-13b": LLAMA_13B,
    "llama-70b": LLAMA_70B,
    "mixtral-8x7b": MIXTRAL_8X7B,
    "arr-coc-2b": ARR_COC_2B,
    "bytes-lm": BytesLm(),
}
"""Sources of their shapes: ml_contract/workloads."""

DATA: Mapping[str, Ddp | Fsdp | DeepSpeed] = {
    "ddp": Ddp(),
    "zero-0": Ddp(),
    "zero-1": DeepSpeed(stage=1),
    "zero-2": DeepSpeed(stage=2),
    "zero-3": DeepSpeed(stage=3),
    "fsdp": Fsdp(),
    "fsdp-shard-grad-op": Fsdp(sharding="shard_grad_op"),
    "fsdp-hybrid": Fsdp(sharding="hybrid"),
    "fsdp-offload": Fsdp(cpu_offload=True),
}
"""ZeRO's stage 0 divides nothing, which is DDP (arXiv 1910.02054)."""
_WAY_OUT = f"Write one of {', '.join(DATA)}, or degrees before ddp or fsdp, such as tp8+fsdp, pp4+ddp, tp8+pp4+fsdp."


def model(name: str, *, sequence_length: int | None = None) -> Model:
    """A model by name.

    Args:
        name: One of ``MODELS``.
        sequence_length: Tokens a sample; None leaves the model's own.

    Raises:
        ContractError: There is none of that name, or its length is fixed.
    """
    found = MODELS.get(name)
    if found is None:
        reject("--model", name, "its shape is not known here", f"Give one of {', '.join(MODELS)}.")
    if sequence_length is None:
        return found
    if isinstance(found, ArrCoc):
        reject("--sequence-length", sequence_length, f"{name} has {found.tokens} tokens a sample by its image budget",
               "Leave it out.")  # fmt: skip
    return replace(found, sequence_length=sequence_length)


def strategy(text: str) -> Strategy:
    """A strategy as it is written: ``fsdp``, ``zero-3``, ``tp8``, ``tp8+pp4+fsdp``.

    ``tpN`` divides matrices, ``cpN`` sequences, ``ppN`` blocks among N ranks; a pipeline has twice as many
    micro-batches under way as stages.

    Raises:
        ContractError: It is written otherwise, or its parts do not go together.
    """
    degrees: dict[str, int] = {}
    data: Ddp | Fsdp | DeepSpeed | None = None
    for part in text.lower().split("+"):
        degree = re.fullmatch(r"(tp|cp|pp)(\d{1,4})", part)
        if degree is not None and degree[1] not in degrees and data is None:
            degrees[degree[1]] = int(degree[2])
        elif part in DATA and data is None:
            data = DATA[part]
        else:
            reject("--strategy", text, f"{part!r} is no strategy there", _WAY_OUT)
    if not degrees:
        assert data is not None
        return data
    if isinstance(data, DeepSpeed):
        reject("--strategy", text, "ZeRO divides by itself alone here", "Take fsdp, which divides as zero-3 does.")
    stages = degrees.get("pp", 1)
    pipeline = Pipeline(stages=stages, micro_batches=2 * stages) if stages > 1 else None
    return ModelParallel(tensor=degrees.get("tp", 1), context=degrees.get("cp", 1), pipeline=pipeline, data=data)

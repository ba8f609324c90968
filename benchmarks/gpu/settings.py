"""What is compared, and how each shape is trained: the same for all who are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch

from ml_contract.accelerators import by_device_name
from ml_contract.errors import reject
from ml_contract.training.optimization import AdamW, Constant, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, Fsdp
from ml_contract.workloads.llama import LLAMA_1_2B, LLAMA_8B, LLAMA_TINY, Llama

Mode = Literal["eager", "compiled", "float8"]
OPTIMIZER = AdamW(learning_rate=3e-4)
"""Everybody's: beta 0.9 and 0.95, matrices decay by 0.1, gradients clipped at a norm of 1."""
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A shape and how it is trained."""

    name: str
    shape: Llama
    parameters: Literal["float32", "bfloat16"]
    """What the optimiser updates, and keeps its two moments in. Matrix products are bfloat16 either way."""
    micro_batch: int
    """Sequences of a forward pass."""
    passes: int
    """Forward passes of a step."""
    recompute: Literal["none", "full"] = "none"
    """full computes every block's activations again in backward; it counts for time and not for MFU."""
    warm: int = 3
    """Steps before the measured ones; the first compiles."""
    steps: int = 10
    """Steps that are measured."""

    @property
    def tokens(self) -> int:
        """Of a step."""
        return self.micro_batch * self.passes * self.shape.sequence_length

    @property
    def dtype(self) -> torch.dtype:
        """Of parameters."""
        return torch.float32 if self.parameters == "float32" else torch.bfloat16

    def run(self, mode: Mode) -> TrainingRun:
        """This project's run. The whole state of a rank is on one device either way, so its strategy is the one that
        casts least: FSDP keeps a bfloat16 copy of float32 parameters; bfloat16 ones need no copy, and DDP makes none.
        """
        float32 = self.parameters == "float32"
        compute: Literal["bfloat16", "float8", "float32"] = "bfloat16" if float32 else "float32"
        return TrainingRun(
            workload=self.shape, strategy=Fsdp(sharding="shard_grad_op") if float32 else Ddp(), optimizer=OPTIMIZER,
            schedule=Constant(), global_batch_size=self.micro_batch * self.passes, micro_batch_size=self.micro_batch,
            steps=self.warm + self.steps, seed=SEED, activation_checkpointing=self.recompute,
            precision=Precision(compute="float8" if mode == "float8" else compute), compile_blocks=mode != "eager",
        )  # fmt: skip

    @property
    def words(self) -> str:
        """For the table's caption."""
        recompute = ", every block recomputed" if self.recompute == "full" else ""
        return (f"{self.name}: {self.shape.size.parameters / 1e9:.2f} billion parameters, {self.parameters} parameters"
                f" and moments, {self.micro_batch} x {self.passes} sequences of {self.shape.sequence_length} a step"
                f"{recompute}")  # fmt: skip


def settings(*, smoke: bool) -> dict[str, Setting]:
    """By name; as this machine's memory allows.

    Args:
        smoke: Tiny shapes that take a CPU a second, to show that everything runs.

    Raises:
        ContractError: There is no GPU, or one with too little memory.
    """
    if smoke:
        tiny = replace(LLAMA_TINY, hidden=32, intermediate=64, heads=4, layers=2, sequence_length=32)
        small = Setting(name="1.2B", shape=replace(tiny, tied=True), parameters="float32", micro_batch=2, passes=2,
                        warm=1, steps=3)  # fmt: skip
        return {"1.2B": small, "8B": replace(small, name="8B", shape=tiny, parameters="bfloat16", recompute="full")}
    if not torch.cuda.is_available():
        reject("device", "cpu", "these shapes are measured on a GPU", "Run it on one, or give --smoke to see it run.")
    memory = torch.cuda.get_device_properties(0).total_memory / 2**30
    if memory < 75:
        reject("device", f"{memory:.0f} GiB", "8 billion bfloat16 parameters with gradients and moments take 60 GiB",
               "Take a GPU with 80 GB or more.")  # fmt: skip
    large = memory > 130
    return {
        "1.2B": Setting(name="1.2B", shape=LLAMA_1_2B, parameters="float32", micro_batch=4 if large else 2,
                        passes=2 if large else 4),
        "8B": Setting(name="8B", shape=LLAMA_8B, parameters="bfloat16", micro_batch=1, passes=4, steps=6,
                      recompute="none" if large else "full"),
    }  # fmt: skip


def peak_flops(device: torch.device) -> float | None:
    """Dense bfloat16 peak of the device, operations a second; None where nobody published it here."""
    if device.type != "cuda":
        return None
    found = by_device_name(torch.cuda.get_device_name(device))
    return found.peak_flops if found else None

"""Data, weights and clock that all who are compared share."""

from __future__ import annotations

import hashlib
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu.settings import SEED, Setting, peak_flops
from training_code.data.order import SampleOrder
from training_code.workloads.bytes_lm.corpus import documents, standard_library
from training_code.workloads.llama.workload import LlamaWorkload

PAIRS = 2**16
"""Tokens of two bytes of text, where the vocabulary has room for them: about as many as a tokenizer would use."""


def device() -> torch.device:
    """The GPU; the CPU where there is none."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def batches(setting: Setting) -> list[list[Tensor]]:
    """Micro-batches of every step, int64 of [micro batch, sequence + 1]: Python's own sources, in the seed's order."""
    length, samples = setting.shape.sequence_length, setting.micro_batch * setting.passes
    steps = setting.warm + setting.steps
    wide = setting.shape.vocabulary >= PAIRS
    needed = (steps * samples * length + 1) * (2 if wide else 1)
    text = bytearray()
    for document in documents(standard_library(), SEED):
        text += document.content
        if len(text) >= needed:
            break
    tokens = np.frombuffer(bytes(text[: len(text) // 2 * 2]), "<u2" if wide else "u1").astype(np.int64)
    windows = (len(tokens) - 1) // length
    order = SampleOrder(samples=windows, batch_size=samples, rank=0, world_size=1, seed=SEED)
    found = []
    for _, chosen in zip(range(steps), order, strict=False):
        step = torch.stack([torch.from_numpy(tokens[i * length : (i + 1) * length + 1]) for i in chosen])
        found.append(list(torch.split(step, setting.micro_batch)))
    return found


class Drawn(LlamaWorkload):
    """The workload with weights that are drawn on the device: on a core of the CPU, 8 billion take minutes."""

    dtype = torch.float32

    def build(self) -> Any:
        return super().build().to(self.dtype)

    def initial(self, name: str, shape: torch.Size, seed: int) -> Tensor:
        """Distributed as the workload's own; the same for everybody on one kind of device."""
        if len(shape) == 1:
            return torch.ones(shape)
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        generator = torch.Generator(device()).manual_seed(int.from_bytes(digest[:8], "big") >> 1)
        return torch.empty(shape, device=device()).normal_(0.0, self.spread(name, shape), generator=generator)


def workload(setting: Setting) -> Drawn:
    """The workload of a setting, in its parameters' type."""
    found = Drawn(setting.shape)
    found.dtype = setting.dtype
    return found


@dataclass
class Clock:
    """Losses and times of one contender's steps."""

    setting: Setting
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    _last: float = 0.0

    def start(self) -> None:
        """The first step begins."""
        wait()
        self._last = time.perf_counter()

    def step(self, loss: float) -> None:
        """A step has ended, and its loss, nats, is known."""
        wait()
        now = time.perf_counter()
        self.losses.append(loss)
        self.seconds.append(now - self._last)
        self._last = now

    def figures(self, *, is_bf16: bool = True) -> dict[str, Any]:
        """Of the measured steps; shares of the peak only where all products are bfloat16."""
        setting, middle = self.setting, statistics.median(self.seconds[self.setting.warm :])
        speed = setting.tokens / middle
        shape, peak = setting.shape, peak_flops(device()) if is_bf16 else None
        a_token = shape.flops_per_sample / shape.sequence_length
        halved = a_token - 6 * shape.layers * shape.hidden * shape.sequence_length
        cuda = device().type == "cuda"
        return {
            "tokens_per_second": speed,
            "mfu": None if peak is None else a_token * speed / peak,
            "mfu_causal": None if peak is None else halved * speed / peak,
            "peak_gib": torch.cuda.max_memory_allocated() / 2**30 if cuda else None,
            "step_seconds": middle,
            "warm_seconds": sum(self.seconds[: setting.warm]),
            "losses": self.losses,
        }


def wait() -> None:
    """Until the device has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()

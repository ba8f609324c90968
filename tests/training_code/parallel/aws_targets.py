"""What ranks do for the tests of AWS's strategies: the real loop, over stubs of what only their images hold."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from ports import free_port
from training_ranks import joined

from ml_contract.errors import ContractError
from ml_contract.metrics import GRADIENT_NORM, LOSS, Metric
from ml_contract.paths import ContainerPaths
from ml_contract.training.run import TrainingRun
from training_code import parallel, train
from training_code.checkpoint import CheckpointError
from training_code.interruption import Interruption
from training_code.parallel.ranks import Ranks
from training_code.watching import Watchers
from training_code.workloads.base import Trained
from training_code.workloads.bytes_lm.workload import BytesLmWorkload
from training_code.workloads.llama.workload import LlamaWorkload

STUBS = Path(__file__).parent / "stubs"


def install() -> None:
    """Put the stubs where the images have the libraries."""
    torch.__path__.append(str(STUBS / "in_torch"))
    sys.path.append(str(STUBS / "on_path"))


class After(Interruption):
    """An interruption that comes with a step."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._left = steps

    @property
    def requested(self) -> bool:
        self._left -= 1
        return self._left <= 0


def forked(folder: str, base: str, runs: list[tuple[str, TrainingRun, int]], size: int) -> int:
    """Ranks of one process that has imported transformers, which takes each of them seconds otherwise.

    Args:
        folder: Where each writes what it found, ``result-<rank>.json``, and its log.
        base: As :func:`trained` has it.
        runs: Likewise.
        size: Ranks.

    Returns:
        0 where all of them ended well.
    """
    import accelerate  # noqa: F401
    from transformers import LlamaForCausalLM, MixtralForCausalLM  # noqa: F401

    common = {
        "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1",
        "SAGEMAKER_BASE_DIR": base,
    }  # fmt: skip
    ranks = []
    for rank in range(size):
        ranks.append(os.fork())
        if not ranks[-1]:
            os.environ.update(common, RANK=str(rank), LOCAL_RANK=str(rank))
            os._exit(joined(Path(folder) / f"result-{rank}.json", trained, (base, runs)))
    return max(os.waitstatus_to_exitcode(os.waitpid(rank, 0)[1]) for rank in ranks)


def trained(ranks: Ranks, base: str, runs: list[tuple[str, TrainingRun, int]]) -> dict[str, Any]:
    """Losses and calls of each run, by name; one run may take up the checkpoints of another.

    Args:
        ranks: Joined.
        base: The container's folder.
        runs: Name, run, and the step after which it is interrupted.
    """
    install()
    import horovod.torch
    import torch.sagemaker

    seen: list[float] = []
    norms: list[float] = []
    shapes: dict[str, list[int]] = {}
    weights: dict[str, float] = {}

    def export(self: Any, folder: Path, trained: Trained) -> None:
        # Writing the artifact takes seconds and has tests of its own.
        for name, value in trained.weights.items():
            shapes[name] = list(value.shape)
            # A figure that changes with the order of elements.
            weights[name] = float((value.flatten().abs() * torch.linspace(1, 2, value.numel())).mean())

    for workload in (BytesLmWorkload, LlamaWorkload):
        mock.patch.object(workload, "export", export).start()
    step = Watchers.step

    def seeing(self: Watchers, done: int, found: Mapping[Metric, float], seconds: float, **more: Any) -> None:
        seen.append(found[LOSS])
        norms.append(found[GRADIENT_NORM])
        step(self, done, found, seconds, **more)

    mock.patch.object(Watchers, "step", seeing).start()
    found = {}
    for name, run, steps in runs:
        for calls in (horovod.torch.calls, torch.sagemaker.calls, seen, norms, shapes, weights):
            calls.clear()
        parallel.backend(run)
        code, error = None, ""
        try:
            code = int(train.train(run, ContainerPaths(base=Path(base)), ranks, After(steps)))
        except (CheckpointError, ContractError) as refused:
            error = str(refused)
        found[name] = {
            "losses": [*seen], "code": code, "error": error, "norms": [*norms], "horovod": [*horovod.torch.calls],
            "smp": [*torch.sagemaker.calls], "shapes": {**shapes}, "weights": {**weights},
        }  # fmt: skip
    return found

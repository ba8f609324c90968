"""The disk that DeepSpeed offloads to: held against the run before anything is made, and emptied after it."""

from __future__ import annotations

import shutil
from pathlib import Path

from torch import nn

from ml_contract.errors import reject
from ml_contract.sizing.memory import memory
from ml_contract.sizing.needs import Memory, readable
from ml_contract.sizing.parts import over
from ml_contract.training.layout import World
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import DeepSpeed, NvmeOffload
from training_code.parallel.ranks import Ranks

SMALLEST = 2**20
"""Bytes of a rank's part of what DeepSpeed offloads; what is smaller stays in memory (0.19.8, ``MIN_AIO_BYTES``)."""
SHARE = 0.95
"""Of the free room that may be planned with; files are rounded up, and others write there, too. An assumption."""


class Disk:
    """Folders of a run's NvmeOffload, of which a rank has its own files.

    Args:
        run: The run.
        strategy: Its strategy. One that offloads to no disk has no folders, and nothing here does anything.
        ranks: This process among all.
    """

    def __init__(self, run: TrainingRun, strategy: DeepSpeed, ranks: Ranks) -> None:
        self.run, self.strategy, self.ranks = run, strategy, ranks
        places = {"optimizer": strategy.offload_optimizer, "parameters": strategy.offload_parameters}
        self.folders = {
            f"strategy.offload_{name}": Path(place.path)
            for name, place in places.items()
            if isinstance(place, NvmeOffload)
        }

    def prepare(self) -> None:
        """Make the folders, empty of this rank's files.

        Raises:
            ContractError: A folder cannot be written, its disk is too small, or DeepSpeed's operator cannot be had.
        """
        if not self.folders:
            return
        self.ranks.all_or_none(self._make)
        # Only now are the files of all ranks gone that a run which was killed has left.
        self.ranks.all_or_none(self._check_room)
        self.ranks.all_or_none(self._check_operator)

    def check_buffers(self, model: nn.Module, *, ranks: int, width: int) -> None:
        """Hold the buffers of parameters against the model.

        A module's own parameters are gathered together, and two more may be kept for their next use: a block's where
        forward turns into backward, and a matrix that two modules share (measured; with less the engine stops).

        Args:
            model: The model, on whatever device.
            ranks: Among which each parameter is divided.
            width: Bytes of an element.

        Raises:
            ContractError: There are fewer buffers than a module needs.
        """
        place = self.strategy.offload_parameters
        if not isinstance(place, NvmeOffload):
            return
        for name, module in model.named_modules():
            own = [each.numel() for each in module.parameters(recurse=False)]
            needed = 2 + sum(width * over(size, ranks) >= SMALLEST for size in own)
            if place.buffer_count < needed:
                reject("strategy.offload_parameters.buffer_count", place.buffer_count, f"{name} gathers {needed - 2}"
                       " parameters together, and two more may be kept for their next use",
                       f"Give {needed} or more.")  # fmt: skip

    def clear(self) -> None:
        """Remove this rank's files."""
        for folder in self.folders.values():
            # As DeepSpeed names them: PartitionedOptimizerSwapper, AsyncPartitionedParameterSwapper.
            for mine in folder.glob(f"zero_stage_3/*/rank{self.ranks.rank}"):
                shutil.rmtree(mine, ignore_errors=True)

    def _make(self) -> None:
        for field, folder in self.folders.items():
            if not folder.parent.is_dir():
                reject(f"{field}.path", str(folder), f"there is no {folder.parent} to make it in",
                       "Give a folder of a disk that is mounted: SageMaker mounts the instance store at /tmp."
                )  # fmt: skip
            try:
                folder.mkdir(exist_ok=True)
                probe = folder / f".rank{self.ranks.rank}"
                probe.write_bytes(b"")
                probe.unlink()
            except OSError as error:
                reject(f"{field}.path", str(folder), f"it cannot be written: {error.strerror}",
                       "Give a folder that this user may write, or take CpuOffload().")  # fmt: skip
        self.clear()

    def _check_room(self) -> None:
        hosts = self.ranks.world_size // self.ranks.local_world_size
        found = memory(self.run, World(hosts=hosts, ranks_per_host=self.ranks.local_world_size))
        for field, folder in self.folders.items():
            # Folders of one disk share its room.
            disk = folder.stat().st_dev
            fields = [other for other, place in self.folders.items() if place.stat().st_dev == disk]
            needed = self.ranks.local_world_size * sum(_bytes(found, name) for name in fields)
            free = shutil.disk_usage(folder).free
            if needed > SHARE * free:
                reject(f"{field}.path", str(folder), f"the {self.ranks.local_world_size} ranks of a host write"
                       f" {readable(needed)} there and {readable(free)} are free, of which {SHARE:.0%} may be used",
                       "Give a folder of a larger disk, take more hosts, or CpuOffload() for a part.")  # fmt: skip

    def _check_operator(self) -> None:
        from deepspeed.ops.op_builder import AsyncIOBuilder

        try:
            AsyncIOBuilder().load(verbose=False)
        except Exception as error:
            reject(next(iter(self.folders)), "nvme",
                   f"this image has no async_io of DeepSpeed, and cannot compile it: {_cause(error)}",
                   "Install libaio's headers, a C++ compiler and ninja in the image (images/training/Dockerfile,"
                   " NVME=1), or take CpuOffload().")  # fmt: skip


def _cause(error: Exception) -> str:
    """The line of a compiler's log that says why, or the first."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return next((line for line in lines if "fatal error:" in line or "not found" in line), lines[0]).strip()[:200]


def _bytes(found: Memory, field: str) -> int:
    """What one rank writes for a field."""
    kinds = {
        "strategy.offload_optimizer": ("optimiser state", "gradients on the disk"),
        "strategy.offload_parameters": ("parameters",),
    }
    return sum(need.bytes for need in found.needs if need.place == "disk" and need.what in kinds[field])

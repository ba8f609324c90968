"""Offload to a disk: what is refused before anything is made, and DeepSpeed's own operator where it has been built."""

import os
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from disk_targets import with_disks
from test_deepspeed import DISKS
from training_harness import tiny_run
from training_ranks import together

from ml_contract.errors import ContractError
from ml_contract.training.strategies import DeepSpeed, NvmeOffload
from ml_contract.workloads.llama import LLAMA_70B
from training_code.parallel.deepspeed_disk import Disk
from training_code.parallel.ranks import Ranks


class Alone(Ranks):
    """One of two ranks of a host, which nobody waits for."""

    def all_or_none(self, work: Any) -> Any:
        return work()


RANKS = Alone(rank=0, local_rank=0, world_size=2, local_world_size=2, device=torch.device("cpu"))


def disk(path: Path, *, buffers: int = 5, **changes: Any) -> Disk:
    strategy = DeepSpeed(
        stage=3, offload_optimizer=NvmeOffload(path=str(path)),
        offload_parameters=NvmeOffload(path=str(path), buffer_count=buffers),
    )  # fmt: skip
    return Disk(tiny_run(strategy=strategy, **changes), strategy, RANKS)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What DeepSpeed loads; its import takes seconds."""
    builder = SimpleNamespace(load=lambda verbose: None)
    for name in ("deepspeed", "deepspeed.ops", "deepspeed.ops.op_builder"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(AsyncIOBuilder=lambda: builder))
    return builder


def refusal(found: Disk) -> str:
    with pytest.raises(ContractError) as raised:
        found.prepare()
    return str(raised.value)


def test_the_folder_is_made_and_only_the_ranks_own_files_go(tmp_path: Path, operator: Any) -> None:
    left = [tmp_path / "nvme" / "zero_stage_3" / kind / "rank0" / "x.swp" for kind in ("optimizer", "float32params")]
    others = [tmp_path / "nvme" / "zero_stage_3" / "optimizer" / "rank1" / "x.swp", tmp_path / "nvme" / "mine.txt"]
    found = disk(tmp_path / "nvme")
    found.prepare()
    for path in left + others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"of a run that was killed")
    found.prepare()
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in others)


def test_a_disk_that_is_not_mounted_is_refused(tmp_path: Path, operator: Any) -> None:
    path = tmp_path / "not mounted" / "nvme"
    assert refusal(disk(path)) == (
        f"strategy.offload_optimizer.path: got '{path}', but there is no {path.parent} to make it in. Give a folder of"
        " a disk that is mounted: SageMaker mounts the instance store at /tmp."
    )


@pytest.mark.parametrize("path", ["file", "/proc/self"])
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, operator: Any, path: str) -> None:
    (tmp_path / "file").touch()
    assert re.fullmatch(
        rf"strategy.offload_optimizer.path: got '{tmp_path / path}', but it cannot be written: .+\. Give a folder that"
        r" this user may write, or take CpuOffload\(\)\.", refusal(disk(tmp_path / path))
    )  # fmt: skip


def test_a_disk_that_is_too_small_is_refused(tmp_path: Path, operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 10**12
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    # 16 B of state and gradients and 4 B of float32 values a parameter, of two ranks that divide them.
    need = 20 * LLAMA_70B.size.parameters / 2**30
    assert refusal(disk(tmp_path, workload=LLAMA_70B)) == (
        f"strategy.offload_optimizer.path: got '{tmp_path}', but the 2 ranks of a host write {need:,.2f} GiB there and"
        " 931.32 GiB are free, of which 95% may be used. Give a folder of a larger disk, take more hosts, or"
        " CpuOffload() for a part."
    )
    free = 2 * 10**12
    disk(tmp_path, workload=LLAMA_70B).prepare()


def test_fewer_buffers_than_a_module_gathers_are_refused(tmp_path: Path) -> None:
    # Of two ranks, 2 MiB of each matrix and little of each vector.
    model = torch.nn.ModuleDict({"three": torch.nn.MultiheadAttention(1024, 1, kdim=1024, vdim=1023, device="meta")})
    with pytest.raises(ContractError) as raised:
        disk(tmp_path, buffers=4).check_buffers(model, ranks=2, width=4)
    assert str(raised.value) == (
        "strategy.offload_parameters.buffer_count: got 4, but three gathers 3 parameters together, and two more may be"
        " kept for their next use. Give 5 or more."
    )
    disk(tmp_path, buffers=5).check_buffers(model, ranks=2, width=4)
    disk(tmp_path, buffers=2).check_buffers(model, ranks=8, width=4)


@pytest.mark.parametrize("log", ["Unable to JIT load the async_io op", "aio.h:1: fatal error: libaio.h: no such file"])
def test_an_image_without_the_operator_is_refused(tmp_path: Path, operator: Any, log: str) -> None:
    def load(verbose: bool) -> None:
        raise RuntimeError(f"c++ -MMD\n{log}\nninja: stopped" if "fatal" in log else f"{log}\nmore")

    operator.load = load
    assert refusal(disk(tmp_path)) == (
        "strategy.offload_optimizer: got 'nvme', but this image has no async_io of DeepSpeed, and cannot compile it:"
        f" {log}. Install libaio's headers, a C++ compiler and ninja in the image"
        " (images/training/Dockerfile, NVME=1), or take CpuOffload()."
    )


@pytest.mark.slow
def test_deepspeeds_own_operator_does_the_same(tmp_path: Path) -> None:
    """Where it was compiled before: that takes minutes. TORCH_EXTENSIONS_DIR says where, as for torch."""
    folder = os.environ.get("TORCH_EXTENSIONS_DIR")
    built = Path(folder) if folder else Path.home() / ".cache/torch_extensions" / f"py3{sys.version_info.minor}_cpu"
    if not (built / "async_io" / "async_io.so").exists():
        pytest.skip(f"DeepSpeed's async_io has not been compiled: there is none in {built}")
    pytest.importorskip("deepspeed")
    first, second = together(tmp_path, with_disks, str(tmp_path), {name: DISKS[name] for name in ("host", "disk")})
    assert first["disk"]["losses"] == second["disk"]["losses"]
    assert first["disk"]["losses"] == pytest.approx(first["host"]["losses"], abs=2e-6)
    assert first["resumed"]["disk"] == first["disk"]["losses"][2:]

"""DeepSpeed's configuration is what the value objects say, by DeepSpeed's own parser."""

from typing import Any

import pytest
import torch
from training_harness import tiny_run

from ml_contract.errors import ContractError
from ml_contract.training.layout import World
from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.strategies import CpuOffload, DeepSpeed, NvmeOffload
from training_code.parallel.deepspeed_config import check_precision, configuration

TWO = World(hosts=1, ranks_per_host=2)


def made(strategy: DeepSpeed, **changes: Any) -> dict[str, Any]:
    run = tiny_run(**{"strategy": strategy, "global_batch_size": 8, "micro_batch_size": 2, **changes})
    return configuration(run, strategy, run.bind(TWO), largest=10_000_001)


def test_batches_and_clipping_are_the_runs() -> None:
    found = made(DeepSpeed(stage=2), optimizer=AdamW(learning_rate=1e-3, gradient_clip=0.5))
    sizes = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps")
    assert [found[name] for name in sizes] == [8, 2, 2]
    assert found["gradient_clipping"] == 0.5


@pytest.mark.parametrize(("reduce", "width"), [("float32", 4), ("bfloat16", 2)])
def test_a_bucket_is_counted_in_elements_of_what_is_exchanged(reduce: Any, width: int) -> None:
    zero = made(DeepSpeed(stage=3, bucket_mib=8), precision=Precision(compute="bfloat16", reduce=reduce))
    sizes = ("reduce_bucket_size", "allgather_bucket_size", "stage3_prefetch_bucket_size")
    assert [zero["zero_optimization"][name] for name in sizes] == [8 * 2**20 // width] * 3


def test_a_disk_is_named_with_buffers_that_hold_the_largest_part() -> None:
    nvme = NvmeOffload(path="/tmp/disk", buffer_count=4)
    found = made(DeepSpeed(stage=3, offload_optimizer=nvme, offload_parameters=nvme))
    zero = found["zero_optimization"]
    common = {"device": "nvme", "nvme_path": "/tmp/disk", "buffer_count": 4}
    assert zero["offload_optimizer"] == common
    assert zero["offload_param"] == {**common, "buffer_size": 5_000_001, "max_in_cpu": 0}
    # What DeepSpeed would keep in memory otherwise, 10^9 elements of each, is the whole of most models.
    assert zero["sub_group_size"] == 5_000_001
    assert zero["stage3_max_reuse_distance"] == 0
    assert "aio" in found


def test_host_memory_is_pinned_as_asked() -> None:
    zero = made(DeepSpeed(stage=2, offload_optimizer=CpuOffload(pin_memory=False)))["zero_optimization"]
    assert zero["offload_optimizer"] == {"device": "cpu", "pin_memory": False}
    assert "offload_param" not in zero


def test_what_does_not_go_together_is_refused_when_built() -> None:
    with pytest.raises(ContractError, match=r"offload_optimizer.buffer_count: got 3, but it must be at least 4"):
        DeepSpeed(stage=3, offload_optimizer=NvmeOffload(buffer_count=3))
    with pytest.raises(ContractError, match=r"precision.compute: got 'float8'.*Take Fsdp"):
        made(DeepSpeed(stage=1), precision=Precision(compute="float8"))
    with pytest.raises(ContractError, match=r"compile_blocks: got True, but stage 3"):
        made(DeepSpeed(stage=3), compile_blocks=True)
    assert made(DeepSpeed(stage=2), compile_blocks=True)


@pytest.mark.slow
def test_deepspeeds_own_parser_takes_every_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    monkeypatch.setenv("WORLD_SIZE", "2")
    config = pytest.importorskip("deepspeed.runtime.config")
    monkeypatch.setattr(config.dist, "get_world_size", lambda *_: 2, raising=False)
    monkeypatch.setattr(config.dist, "get_rank", lambda *_: 0, raising=False)
    nvme = NvmeOffload()
    for strategy in (
        DeepSpeed(stage=1), DeepSpeed(stage=2, offload_optimizer=CpuOffload()),
        DeepSpeed(stage=3, offload_optimizer=nvme, offload_parameters=nvme),
    ):  # fmt: skip
        for compute in ("float32", "bfloat16", "float16"):
            parsed = config.DeepSpeedConfig(made(strategy, precision=Precision(compute=compute)))
            assert parsed.zero_config.stage == strategy.stage
            assert parsed.bfloat16_config.enabled is (compute == "bfloat16")
            assert parsed.float16_config.enabled is (compute == "float16")
            assert parsed.gradient_accumulation_steps == 2
            offload = parsed.zero_config.offload_optimizer
            assert (offload.device if offload else None) == getattr(strategy.offload_optimizer, "kind", None)


class Cpu:
    """DeepSpeed's view of a processor without AVX-512 FP16."""

    def supported_dtypes(self) -> list[torch.dtype]:
        return [torch.float32, torch.bfloat16]

    def device_name(self) -> str:
        return "cpu"


def test_a_precision_that_the_device_lacks_is_refused_by_its_field() -> None:
    check_precision(Precision(compute="bfloat16"), Cpu())
    with pytest.raises(ContractError, match=r"compute: got 'float16', but DeepSpeed has bfloat16, float32 on"):
        check_precision(Precision(compute="float16"), Cpu())

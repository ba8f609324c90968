"""DeepSpeed's configuration, made from the value objects of a run.

Fields as in "DeepSpeed Configuration JSON", deepspeed.ai/docs/config-json, read 2026-11 with 0.19.8.
"""

from __future__ import annotations

from typing import Any

from ml_contract.errors import reject
from ml_contract.sizing.parts import over
from ml_contract.training.layout import Layout
from ml_contract.training.optimization import Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import CpuOffload, DeepSpeed, NvmeOffload
from training_code.parallel.precision import compute_dtype

_MEBIBYTE = 2**20
_SHORT = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def configuration(run: TrainingRun, strategy: DeepSpeed, layout: Layout, *, largest: int = 0) -> dict[str, Any]:
    """What deepspeed.initialize is given.

    Args:
        run: The run.
        strategy: Its strategy.
        layout: The world, divided.
        largest: Elements of the model's largest parameter: buffers of a disk must hold a rank's part of it.
    """
    micro, passes = run.batching(layout)
    compute = run.precision.compute
    found: dict[str, Any] = {
        "train_batch_size": run.global_batch_size,
        "train_micro_batch_size_per_gpu": micro,
        "gradient_accumulation_steps": passes,
        "gradient_clipping": run.optimizer.gradient_clip,
        "communication_data_type": _SHORT[run.precision.reduce],
        "data_types": {"grad_accum_dtype": "fp32"},
        # torch's own AdamW updates whatever the offload: DeepSpeed's would have to be compiled on every host.
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "zero_optimization": _zero(strategy, _BYTES[run.precision.reduce], over(largest, layout.shard)),
    }
    if compute == "bfloat16":
        found["bf16"] = {"enabled": True}
        if strategy.stage == 1:
            # With float32 it would take an optimiser of another kind, which keeps whole gradients on every rank.
            found["data_types"] = {"grad_accum_dtype": "bf16"}
    elif compute == "float16":
        # torch.amp.GradScaler's numbers: 2^16 at first, halved at every overflow, doubled after 2,000 steps without.
        found["fp16"] = {
            "enabled": True, "loss_scale": 0, "initial_scale_power": 16, "loss_scale_window": 2000, "hysteresis": 1,
            "min_loss_scale": 1,
        }  # fmt: skip
    if any(isinstance(place, NvmeOffload) for place in (strategy.offload_optimizer, strategy.offload_parameters)):
        found["aio"] = {"block_size": _MEBIBYTE, "queue_depth": 8, "single_submit": False, "overlap_events": True}
    return found


def _zero(strategy: DeepSpeed, width: int, largest_part: int) -> dict[str, Any]:
    bucket = strategy.bucket_mib * _MEBIBYTE // width
    found: dict[str, Any] = {
        "stage": strategy.stage, "reduce_bucket_size": bucket, "allgather_bucket_size": bucket,
        "contiguous_gradients": True, "reduce_scatter": True,
    }  # fmt: skip
    if strategy.stage == 3:
        found["stage3_prefetch_bucket_size"] = bucket
    if strategy.offload_optimizer is not None:
        found["offload_optimizer"] = _place(strategy.offload_optimizer)
        if isinstance(strategy.offload_optimizer, NvmeOffload):
            # Its buffers hold a sub-group each. Of DeepSpeed's own size, 10^9, that is the whole state of most models.
            found["sub_group_size"] = max(largest_part, _MEBIBYTE)
    if strategy.offload_parameters is not None:
        found["offload_param"] = _place(strategy.offload_parameters)
        if isinstance(strategy.offload_parameters, NvmeOffload):
            # Else it would keep the first 10^9 elements in host memory; and gathered what is used again within 10^9,
            # which holds a buffer each.
            found["offload_param"] |= {"buffer_size": max(largest_part, _MEBIBYTE), "max_in_cpu": 0}
            found["stage3_max_reuse_distance"] = 0
    return found


def _place(offload: CpuOffload | NvmeOffload) -> dict[str, Any]:
    if isinstance(offload, CpuOffload):
        return {"device": "cpu", "pin_memory": offload.pin_memory}
    return {"device": "nvme", "nvme_path": offload.path, "buffer_count": offload.buffer_count}


def check_precision(precision: Precision, accelerator: Any) -> None:
    """Hold what a run computes in against what DeepSpeed allows on this device.

    Args:
        precision: The run's.
        accelerator: DeepSpeed's own view of the device; a CPU has float16 with AVX-512 FP16 or AMX-FP16 alone.

    Raises:
        ContractError: The engine would end with a ValueError that names no field.
    """
    allowed = accelerator.supported_dtypes()
    if compute_dtype(precision) not in allowed:
        names = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in allowed))
        reject("precision.compute", precision.compute, f"DeepSpeed has {names} on this {accelerator.device_name()}",
               "Take one of them, Fsdp(), or another instance type.")  # fmt: skip

"""Options of packaging that contradict each other, or do nothing, are refused when they are made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from ml_contract.errors import ContractError
from ml_contract.packaging import (
    DynamicBatching,
    GpuInstances,
    Int8,
    Lengths,
    LevelPolicy,
    PackageOptions,
    Parameter,
    PartOptions,
    Priorities,
    QueuePolicy,
    TensorRtAccelerator,
    TensorRtEngine,
    Warmup,
)

on_cpu = partial(PackageOptions, backend="python")
on_gpu = partial(PackageOptions, backend="onnxruntime", instances=GpuInstances())
QUEUE = QueuePolicy(max_queue_size=1)
ENGINE = TensorRtEngine(instance_type="ml.g5.xlarge")


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: DynamicBatching(preferred_sizes=(4, 2), max_queue_delay_microseconds=1), "preferred_sizes"),
        (lambda: DynamicBatching(preferred_sizes=(4,)), "preferred_sizes"),
        (lambda: DynamicBatching(max_queue_delay_microseconds=60_000_001), "max_queue_delay_microseconds"),
        (lambda: DynamicBatching(preserve_ordering=True, priorities=Priorities(levels=2, default=1)),
         "preserve_ordering"),
        (QueuePolicy, "queue"),
        (lambda: QueuePolicy(max_queue_size=1, timeout_action="DELAY"), "default_timeout_microseconds"),
        (lambda: QueuePolicy(max_queue_size=1, allow_timeout_override=True), "default_timeout_microseconds"),
        (lambda: Priorities(levels=1, default=1), "levels"),
        (lambda: Priorities(levels=2, default=3), "default"),
        (lambda: Priorities(levels=2, default=1, policies=(LevelPolicy(level=3, policy=QUEUE),)), "policies.level"),
        (lambda: Priorities(levels=2, default=1, policies=(LevelPolicy(level=1, policy=QUEUE),) * 2), "policies"),
        (lambda: GpuInstances(gpus=(0, 0)), "gpus"),
        (lambda: GpuInstances(gpus=(-1,)), "gpus"),
        (lambda: Warmup(count=0), "count"),
        (lambda: Warmup(random=("a", "a")), "random"),
        (lambda: TensorRtAccelerator(engine_cache_path="engines"), "engine_cache_path"),
        (lambda: Int8(minimum_cosine=1.5), "minimum_cosine"),
        (lambda: Parameter(key="intra_op_thread_count", value="2"), "parameters.key"),
        (lambda: on_cpu(parameters=(Parameter(key="a", value="1"),) * 2), "parameters"),
        (lambda: on_cpu(instances=GpuInstances()), "instances"),
        (lambda: on_cpu(accelerator=TensorRtAccelerator()), "accelerator"),
        (lambda: on_gpu(quantization=Int8()), "quantization"),
        (lambda: on_cpu(engine=ENGINE), "engine"),
        (lambda: on_gpu(engine=ENGINE), "engine"),
        (lambda: on_gpu(backend="tensorrt"), "engine"),
        (lambda: PackageOptions(backend="tensorrt", engine=ENGINE), "instances"),
        (lambda: on_gpu(backend="tensorrt", engine=ENGINE, threads=2), "threads"),
        (lambda: on_gpu(backend="tensorrt", engine=ENGINE, accelerator=TensorRtAccelerator()), "accelerator"),
        (lambda: TensorRtEngine(instance_type="ml.c5.xlarge"), "instance_type"),
        (lambda: TensorRtEngine(instance_type="ml.trn1.2xlarge"), "instance_type"),
        (lambda: Lengths(typical=5, longest=4), "typical"),
        (lambda: on_cpu(version=0), "version"),
        (lambda: on_cpu(parts=(PartOptions(name="a", options=on_cpu()),) * 2), "parts"),
        (lambda: PartOptions(name="a", options=on_cpu(parts=(PartOptions(name="b", options=on_cpu()),))),
         "parts.options.parts"),
    ],
)  # fmt: skip
def test_refused(make: Callable[[], object], field: str) -> None:
    with pytest.raises(ContractError) as raised:
        make()
    assert raised.value.field == field


def test_a_gpu_of_a_part_is_a_gpu_of_the_repository() -> None:
    assert on_cpu(parts=(PartOptions(name="a", options=on_gpu()),)).on_gpu
    assert not on_cpu(parts=(PartOptions(name="a", options=on_cpu()),)).on_gpu


def test_a_part_without_options_of_its_own_takes_the_others() -> None:
    options = on_cpu(parts=(PartOptions(name="a", options=on_cpu(threads=3)),))
    assert (options.of("a").threads, options.of("b").threads) == (3, 1)


def test_types_of_engines_are_those_of_all_parts() -> None:
    engine = on_gpu(backend="tensorrt", engine=ENGINE)
    assert engine.engine_types == ("ml.g5.xlarge",)
    assert on_cpu(parts=(PartOptions(name="a", options=engine),)).engine_types == ("ml.g5.xlarge",)
    assert on_cpu().engine_types == ()

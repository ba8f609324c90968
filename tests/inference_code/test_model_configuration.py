"""config.pbtxt: held against Triton's own protobuf definition, and against the committed example."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tritonclient.grpc import model_config_pb2

from inference_code.model_configuration import model_configuration
from ml_contract.errors import ContractError
from ml_contract.packaging import (
    CpuInstances,
    DynamicBatching,
    GpuInstances,
    LevelPolicy,
    PackageOptions,
    Parameter,
    Priorities,
    QueuePolicy,
    TensorRtAccelerator,
    Warmup,
)
from ml_contract.signature import DType, ModelSignature, Tensor

from .examples import FOLDER, generated
from .graphs import SIGNATURE

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
shapes = st.lists(st.one_of(st.just(-1), st.integers(1, 4096)), min_size=1, max_size=4).map(tuple)
one_tensor = st.builds(
    lambda name, dtype, shape: Tensor(name=name, dtype=dtype, shape=shape), names, st.sampled_from(DType), shapes
)
tensors = st.lists(one_tensor, min_size=1, max_size=4, unique_by=lambda tensor: tensor.name).map(tuple)
signatures = st.builds(
    lambda inputs, outputs, size: ModelSignature(inputs=inputs, outputs=outputs, max_batch_size=size),
    tensors, tensors, st.integers(1, 256),
)  # fmt: skip


policies = st.builds(
    QueuePolicy,
    max_queue_size=st.integers(1, 100),
    default_timeout_microseconds=st.integers(1, 10_000),
    timeout_action=st.sampled_from(["REJECT", "DELAY"]),
    allow_timeout_override=st.booleans(),
)


@st.composite
def batchings(draw: st.DrawFn, largest: int) -> DynamicBatching:
    delay = draw(st.integers(0, 10_000))
    levels = draw(st.integers(2, 5))
    named = draw(st.dictionaries(st.integers(1, levels), policies, max_size=2))
    entries = tuple(LevelPolicy(level=level, policy=policy) for level, policy in named.items())
    priorities = Priorities(levels=levels, default=draw(st.integers(1, levels)), policies=entries)
    return DynamicBatching(
        preferred_sizes=tuple(sorted(draw(st.sets(st.integers(1, largest), max_size=3)))) if delay else (),
        max_queue_delay_microseconds=delay,
        queue=draw(st.none() | policies),
        **draw(st.sampled_from([{"preserve_ordering": True}, {"priorities": priorities}, {}])),
    )


@st.composite
def options_of(draw: st.DrawFn, signature: ModelSignature) -> PackageOptions:
    largest = signature.max_batch_size
    on_gpu = draw(st.booleans())
    names = [tensor.name for tensor in signature.inputs]
    request = st.builds(
        Warmup, batch_size=st.integers(1, largest), count=st.integers(1, 9), length=st.integers(1, 99),
        random=st.sets(st.sampled_from(names)).map(tuple),
    )  # fmt: skip
    return PackageOptions(
        backend="onnxruntime" if on_gpu else "python",
        batching=draw(st.none() | batchings(largest)),
        instances=draw(
            st.builds(GpuInstances, count=st.integers(1, 8), gpus=st.sets(st.integers(0, 7), max_size=3).map(tuple))
            if on_gpu else st.builds(CpuInstances, count=st.integers(1, 8))
        ),
        threads=draw(st.integers(1, 64)),
        warmup=draw(st.lists(request, max_size=2).map(tuple)),
        response_cache=draw(st.booleans()),
        accelerator=TensorRtAccelerator(
            precision_mode=draw(st.sampled_from(["FP32", "FP16"])),
            engine_cache_path=draw(st.sampled_from([None, "/a"])),
        ) if on_gpu and draw(st.booleans()) else None,
        parameters=draw(st.sampled_from([(), (Parameter(key="execution_mode", value="1"),)])),
        version=draw(st.integers(1, 99)),
    )  # fmt: skip


def parsed(text: str) -> model_config_pb2.ModelConfig:
    return text_format.Parse(text, model_config_pb2.ModelConfig())


@given(data=st.data(), signature=signatures)
@settings(max_examples=60, deadline=None)
@pytest.mark.slow
def test_triton_reads_back_what_was_meant(data: st.DataObject, signature: ModelSignature) -> None:
    options = data.draw(options_of(signature))
    config = parsed(model_configuration("some_model", signature, options))
    assert (config.name, config.backend) == ("some_model", options.backend)
    assert config.max_batch_size == signature.max_batch_size
    for declared, meant in ((config.input, signature.inputs), (config.output, signature.outputs)):
        found = [(one.name, model_config_pb2.DataType.Name(one.data_type), tuple(one.dims)) for one in declared]
        assert found == [(tensor.name, tensor.dtype.triton, tensor.shape) for tensor in meant]
    (group,) = config.instance_group
    assert model_config_pb2.ModelInstanceGroup.Kind.Name(group.kind).lower() == f"kind_{options.instances.kind}"
    assert (group.count, tuple(group.gpus)) == (options.instances.count, getattr(options.instances, "gpus", ()))
    assert config.HasField("dynamic_batching") == (options.batching is not None and signature.max_batch_size > 1)
    if config.HasField("dynamic_batching"):
        _compare_batching(config.dynamic_batching, options.batching)
    assert tuple(config.version_policy.specific.versions) == (options.version,)
    assert config.response_cache.enable == options.response_cache
    _compare_warmup(config, options, signature)
    assert config.parameters["intra_op_thread_count"].string_value == str(options.threads)
    for parameter in options.parameters:
        assert config.parameters[parameter.key].string_value == parameter.value
    accelerators = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert [found.name for found in accelerators] == (["tensorrt"] if options.accelerator else [])
    for found in accelerators:
        assert found.parameters["precision_mode"] == options.accelerator.precision_mode
        assert found.parameters.get("trt_engine_cache_path") == options.accelerator.engine_cache_path


def _compare_policy(found: Any, meant: QueuePolicy) -> None:
    assert found.max_queue_size == meant.max_queue_size
    assert found.default_timeout_microseconds == meant.default_timeout_microseconds
    assert found.TimeoutAction.Name(found.timeout_action) == meant.timeout_action
    assert found.allow_timeout_override == meant.allow_timeout_override


def _compare_batching(found: Any, meant: DynamicBatching) -> None:
    assert tuple(found.preferred_batch_size) == meant.preferred_sizes
    assert found.max_queue_delay_microseconds == meant.max_queue_delay_microseconds
    assert found.preserve_ordering == meant.preserve_ordering
    assert found.HasField("default_queue_policy") == (meant.queue is not None)
    if meant.queue is not None:
        _compare_policy(found.default_queue_policy, meant.queue)
    if meant.priorities is not None:
        assert (found.priority_levels, found.default_priority_level) == (
            meant.priorities.levels, meant.priorities.default
        )  # fmt: skip
        assert set(found.priority_queue_policy) == {entry.level for entry in meant.priorities.policies}
        for entry in meant.priorities.policies:
            _compare_policy(found.priority_queue_policy[entry.level], entry.policy)


def _compare_warmup(config: Any, options: PackageOptions, signature: ModelSignature) -> None:
    assert len({request.name for request in config.model_warmup}) == len(options.warmup)
    for found, meant in zip(config.model_warmup, options.warmup, strict=True):
        assert (found.batch_size, found.count) == (meant.batch_size, meant.count)
        for tensor in signature.inputs:
            entry = found.inputs[tensor.name]
            assert tuple(entry.dims) == tuple(meant.length if size == -1 else size for size in tensor.shape)
            assert entry.WhichOneof("input_data_type") == (
                "random_data" if tensor.name in meant.random else "zero_data"
            )  # fmt: skip


@pytest.mark.parametrize("path", generated())
def test_a_committed_example_is_what_is_generated(path: str) -> None:
    assert (FOLDER / path).read_text() == generated()[path]


def test_every_committed_example_is_generated() -> None:
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.pbtxt")}
    assert {path for path in found if not path.startswith("arr_coc/")} == set(generated())


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (PackageOptions(backend="python", max_batch_size=17), "max_batch_size"),
        (PackageOptions(backend="python", max_batch_size=4, warmup=(Warmup(batch_size=8),)), "warmup.batch_size"),
        (
            PackageOptions(
                backend="python", max_batch_size=4,
                batching=DynamicBatching(preferred_sizes=(8,), max_queue_delay_microseconds=1),
            ),
            "batching.preferred_sizes",
        ),
    ],
)  # fmt: skip
def test_more_than_the_graph_takes(options: PackageOptions, field: str) -> None:
    with pytest.raises(ContractError) as raised:
        model_configuration("bytes_lm", SIGNATURE, options)
    assert raised.value.field == field

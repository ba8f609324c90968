"""config.pbtxt: held against Triton's own protobuf definition, and against the committed example."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tritonclient.grpc import model_config_pb2

from inference_code.model_configuration import model_configuration
from ml_contract.errors import ContractError
from ml_contract.packaging import PackageOptions
from ml_contract.signature import DType, ModelSignature, Tensor

from .conftest import SIGNATURE

EXAMPLE = Path(__file__).with_name("bytes_lm.config.pbtxt")

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


@st.composite
def options_of(draw: st.DrawFn, largest: int) -> PackageOptions:
    delay = draw(st.integers(0, 10_000))
    batching = draw(st.booleans())
    sizes = draw(st.sets(st.integers(1, largest), max_size=3)) if delay and batching else set()
    backend = draw(st.sampled_from(["onnxruntime", "python"]))
    return PackageOptions(
        backend=backend,
        dynamic_batching=batching,
        max_queue_delay_microseconds=delay if batching else 0,
        preferred_batch_sizes=tuple(sorted(sizes)),
        instance_kind=draw(st.sampled_from(["KIND_CPU", "KIND_GPU"])) if backend == "onnxruntime" else "KIND_CPU",
        instance_count=draw(st.integers(1, 8)),
        threads=draw(st.integers(1, 64)),
    )


def parsed(text: str) -> model_config_pb2.ModelConfig:
    return text_format.Parse(text, model_config_pb2.ModelConfig())


@given(data=st.data(), signature=signatures)
@settings(max_examples=60, deadline=None)
def test_triton_reads_back_what_was_meant(data: st.DataObject, signature: ModelSignature) -> None:
    options = data.draw(options_of(signature.max_batch_size))
    config = parsed(model_configuration("some_model", signature, options))
    assert (config.name, config.backend) == ("some_model", options.backend)
    assert config.max_batch_size == signature.max_batch_size
    for declared, meant in ((config.input, signature.inputs), (config.output, signature.outputs)):
        found = [(one.name, model_config_pb2.DataType.Name(one.data_type), tuple(one.dims)) for one in declared]
        assert found == [(tensor.name, tensor.dtype.triton, tensor.shape) for tensor in meant]
    (group,) = config.instance_group
    assert model_config_pb2.ModelInstanceGroup.Kind.Name(group.kind) == options.instance_kind
    assert group.count == options.instance_count
    assert config.HasField("dynamic_batching") == (options.dynamic_batching and signature.max_batch_size > 1)
    if config.HasField("dynamic_batching"):
        batching = config.dynamic_batching
        assert tuple(batching.preferred_batch_size) == options.preferred_batch_sizes
        assert batching.max_queue_delay_microseconds == options.max_queue_delay_microseconds
    assert config.version_policy.latest.num_versions == 1
    assert config.parameters["intra_op_thread_count"].string_value == str(options.threads)


def test_committed_example_is_what_is_generated() -> None:
    options = PackageOptions(
        backend="onnxruntime",
        preferred_batch_sizes=(4, 8),
        max_queue_delay_microseconds=500,
        instance_kind="KIND_GPU",
        instance_count=2,
    )
    assert model_configuration("bytes_lm", SIGNATURE, options) == EXAMPLE.read_text()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (PackageOptions(backend="python", max_batch_size=17), "max_batch_size"),
        (
            PackageOptions(
                backend="python", max_batch_size=4, preferred_batch_sizes=(8,), max_queue_delay_microseconds=1
            ),
            "preferred_batch_sizes",
        ),
    ],
)
def test_more_than_the_graph_takes(options: PackageOptions, field: str) -> None:
    with pytest.raises(ContractError) as raised:
        model_configuration("bytes_lm", SIGNATURE, options)
    assert raised.value.field == field

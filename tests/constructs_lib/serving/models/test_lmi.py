"""Engines of the LMI images: GPUs, number formats, and options that mean something."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import serving_scenes as scenes
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving.models import (
    DraftSpeculation,
    LmiModel,
    NgramSpeculation,
    OwnHeadsSpeculation,
    Speculation,
    TensorRtLlm,
    Vllm,
)
from constructs_lib.serving.variants import RealTime
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError
from ml_contract.instances import CATALOGUE

world = scenes.light()


def vllm(**fields: Any) -> Vllm:
    return Vllm(**{"tensor_parallel": 1, **fields})


def tensorrt(**fields: Any) -> TensorRtLlm:
    return TensorRtLlm(**{"tensor_parallel": 1, **fields})


def on(instance_type: str, engine: Any) -> RealTime:
    return world.live(model=world.lmi(engine=engine), resources=scenes.instances(instance_type))


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "eight of four GPUs": (
        lambda: on("ml.g5.12xlarge", vllm(tensor_parallel=8)),
        "it takes 8, and ml.g5.12xlarge has 4. The product must be one of 1, 2, 4.",
    ),
    "GPUs left idle": (lambda: on("ml.g5.12xlarge", vllm(tensor_parallel=3)), "it takes 3, and ml.g5.12xlarge has 4"),
    "degrees whose product is too much": (
        lambda: on("ml.g5.12xlarge", vllm(tensor_parallel=4, pipeline_parallel=2)),
        "with pipeline_parallel 2 it takes 8, and ml.g5.12xlarge has 4",
    ),
    "no GPU": (lambda: on("ml.c5.xlarge", vllm()), "got 'ml.c5.xlarge', but vllm in this image runs on NVIDIA GPUs"),
    "other accelerators": (lambda: on("ml.trn1.2xlarge", vllm()), "but vllm in this image runs on NVIDIA GPUs"),
    "GPUs that CUDA 13 left": (
        lambda: on("ml.p3.2xlarge", vllm(dtype="fp16")),
        "instance_type: got 'ml.p3.2xlarge', but the container holds CUDA 13, which runs on no V100-16GB",
    ),
    "GPUs that TensorRT-LLM left": (lambda: on("ml.g4dn.xlarge", tensorrt()), "needs compute capability 8.0"),
    "bfloat16 on a T4": (lambda: on("ml.g4dn.xlarge", vllm(dtype="bf16")), "got 'bf16', but T4-16GB has no such"),
    "float8 on a T4": (lambda: on("ml.g4dn.xlarge", vllm(quantize="fp8")), "got 'fp8', but T4-16GB has no such"),
    "a float8 engine on an A10G": (
        lambda: on("ml.g5.xlarge", tensorrt(quantize="fp8")), "engine.quantize: got 'fp8', but A10G-24GB has no float8",
    ),
    "pipeline and the older batches": (
        lambda: vllm(pipeline_parallel=2, mode="rolling-batch"), "pipeline_parallel: got 2, but vLLM divides layers in",
    ),
    "a method of the other engine": (lambda: vllm(quantize="smoothquant"), "Vllm.quantize: got 'smoothquant'"),
    "an option misspelled": (
        lambda: vllm(options={"enable_prefix_cacheing": True}), "Did you mean enable_prefix_caching?",
    ),
    "a field misspelled": (
        lambda: vllm(max_modle_len=1), "got 1, but Vllm has no such field. Did you mean max_model_len?",
    ),
    "an option that is a field": (
        lambda: vllm(options={"max_model_len": 1}), "options.max_model_len: got 1, but Vllm has a field for it",
    ),
    "ranks without adapters": (
        lambda: vllm(options={"max_lora_rank": 16}), "options.max_lora_rank: got 16, but it does nothing unless",
    ),
    "calibration of nothing": (
        lambda: tensorrt(options={"calib_size": 64}), "options.calib_size: got 64, but it does nothing unless",
    ),
    "no room for an answer": (
        lambda: tensorrt(max_input_len=4096, max_seq_len=4096), "got 4096, but prompts alone may have 4096",
    ),
    "phrases upside down": (
        lambda: NgramSpeculation(tokens=4, longest=2, shortest=3), "shortest: got 3, but it is at most longest, 2",
    ),
    "a draft over other GPUs": (
        lambda: vllm(tensor_parallel=8, speculation=DraftSpeculation(tokens=4, model="a/b", tensor_parallel=4)),
        "speculation.tensor_parallel: got 4, but a draft runs on one GPU or is sharded like the model, over 8",
    ),
    "weights twice": (lambda: world.lmi(model_id="a/b"), "model_id: got 'a/b', but the weights come from S3 or"),
    "no weights": (lambda: world.lmi(data=None), "model_id: got None, but the weights come from S3 or from the hub"),
    "a hub behind isolation": (
        lambda: world.lmi(data=None, model_id="a/b", network_isolation=True),
        "network_isolation: got True, but the container fetches a/b from the hub",
    ),
    "a draft from the hub behind isolation": (
        lambda: world.lmi(
            engine=vllm(speculation=DraftSpeculation(tokens=4, model="a/b")), network_isolation=True
        ),
        "network_isolation: got True, but the container fetches the draft model from the hub",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    build, message = REFUSED[name]
    with pytest.raises(InvalidValue, match=re.escape(message)):
        build()


@given(
    st.sampled_from([row for row in CATALOGUE.values() if row.device and row.device.runs_on == "cuda"]),
    st.integers(1, 16),
    st.integers(1, 4),
)
def test_degrees_use_every_gpu(row: Any, tensor: int, pipeline: int) -> None:
    engine = vllm(tensor_parallel=tensor, pipeline_parallel=pipeline)
    refused = row.accelerators % (tensor * pipeline) != 0
    if not refused:
        engine.check(row.name)
        return
    with pytest.raises(ContractError, match=r"^engine\.tensor_parallel: got"):
        engine.check(row.name)


def test_a_draft_in_the_data_needs_no_hub() -> None:
    engine = vllm(speculation=DraftSpeculation(tokens=4, method="eagle3", model="/opt/ml/model/draft"))
    assert isinstance(world.lmi(engine=engine, network_isolation=True), LmiModel)
    assert engine.environment()["OPTION_SPECULATIVE_CONFIG"] == (
        '{"method":"eagle3","model":"/opt/ml/model/draft","num_speculative_tokens":4}'
    )


@pytest.mark.parametrize(
    ("speculation", "document"),
    [
        (OwnHeadsSpeculation(tokens=1), {"method": "mtp", "num_speculative_tokens": 1}),
        (
            NgramSpeculation(tokens=3, longest=5, shortest=1),
            {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 5, "prompt_lookup_min": 1},
        ),
        (
            DraftSpeculation(tokens=5, model="a/b", tensor_parallel=1),
            {"method": "draft_model", "model": "a/b", "num_speculative_tokens": 5, "draft_tensor_parallel_size": 1},
        ),
    ],
)
def test_speculation_is_one_document(speculation: Speculation, document: dict[str, object]) -> None:
    assert json.loads(vllm(speculation=speculation).environment()["OPTION_SPECULATIVE_CONFIG"]) == document


def test_the_older_batches_are_asked_for_by_name() -> None:
    assert vllm(mode="rolling-batch").environment()["OPTION_ROLLING_BATCH"] == "vllm"


def test_llama_70b_runs_over_eight_gpus() -> None:
    variant = on("ml.p4d.24xlarge", vllm(tensor_parallel=8, max_model_len=8192))
    assert variant.model.engine.environment()["OPTION_TENSOR_PARALLEL_DEGREE"] == "8"

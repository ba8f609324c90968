"""Serverless variants: the limits of SageMaker, and what they cannot do."""

from typing import Any

import pytest
import serving_scenes as scenes
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving.models import SerialPipeline, Stage, TritonServer, Uncompressed
from constructs_lib.serving.scaling import ProvisionedConcurrencyUtilization, Scaling
from constructs_lib.serving.variants import Serverless
from constructs_lib.values import InvalidValue

world = scenes.light()


def serverless(**fields: Any) -> Serverless:
    return Serverless(**{"model": world.triton(), "memory_mb": 4096, "max_concurrency": 20, **fields})


@given(st.integers(0, 8192))
def test_memory_comes_in_six_sizes(memory: int) -> None:
    if memory in (1024, 2048, 3072, 4096, 5120, 6144):
        assert serverless(memory_mb=memory).memory_mb == memory
        return
    with pytest.raises(InvalidValue, match=rf"^Serverless.memory_mb: got {memory}, but .* 1024, 2048, .* 6144\. Give "):
        serverless(memory_mb=memory)


@pytest.mark.parametrize(("memory", "nearest"), [(5000, 5120), (1, 1024), (9000, 6144)])
def test_the_way_out_is_the_next_larger_size(memory: int, nearest: int) -> None:
    with pytest.raises(InvalidValue, match=rf"Give {nearest}\."):
        serverless(memory_mb=memory)


@given(st.integers(0, 202), st.integers(0, 202))
def test_provisioned_concurrency_is_part_of_all(most: int, provisioned: int) -> None:
    if 1 <= provisioned <= most <= 200:
        serverless(max_concurrency=most, provisioned_concurrency=provisioned)
        return
    with pytest.raises(InvalidValue, match="concurrency: got"):
        serverless(max_concurrency=most, provisioned_concurrency=provisioned)


def test_its_warm_containers_are_nothing_that_an_update_could_retain() -> None:
    rules = (ProvisionedConcurrencyUtilization(share=0.7),)
    scaled = serverless(provisioned_concurrency=2, scaling=Scaling(minimum=1, maximum=4, rules=rules))
    made = world.make("Warm", scaled)
    assert made.resource.retain_all_variant_properties is None


@pytest.mark.parametrize(("name", "value"), [("instance_type", "ml.g5.xlarge"), ("resources", scenes.instances())])
def test_it_has_no_instances_and_no_gpu(name: str, value: object) -> None:
    with pytest.raises(InvalidValue, match=rf"{name}: got .* a serverless variant has no instances of its own, and no"):
        serverless(**{name: value})


def row() -> SerialPipeline:
    return SerialPipeline(stages=(Stage(name="a", model=world.triton()), Stage(name="b", model=world.triton())))


MODELS = {
    "a language model": (world.lmi, "has no GPU, which the model needs"),
    "a limit on GPUs": (
        lambda: world.triton(server=TritonServer(gpu_load_limit=0.5)), "has no GPU, which the model needs",
    ),
    "many models": (world.many, "serves one model"),
    "a row": (row, "runs one container"),
    "isolation": (lambda: world.triton(network_isolation=True), "cannot be isolated"),
    "files": (lambda: world.triton(data=Uncompressed(location=world.place("m"))), "takes a tar.gz alone"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_what_it_cannot_serve(name: str) -> None:
    model, rule = MODELS[name]
    with pytest.raises(InvalidValue, match=rf"^Serverless.model: got '\w+', but a serverless variant {rule}\. "):
        serverless(model=model())

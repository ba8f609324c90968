"""Hosts of inference components: what fits on an instance, and what does not."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import serving_scenes as scenes

from constructs_lib.serving.components import AdapterComponent, ModelComponent, Share
from constructs_lib.serving.models import Vllm
from constructs_lib.serving.scaling import ConcurrentRequests, Scaling, WakeFromZero
from constructs_lib.serving.variants import ManagedScaling
from constructs_lib.values import InvalidValue

world = scenes.light()
TO_ZERO = Scaling(minimum=0, maximum=2, rules=(ConcurrentRequests(at_once=4), WakeFromZero()))


def words(**fields: Any) -> ModelComponent:
    return ModelComponent(**{"name": "words", "model": world.triton(), "share": scenes.share(), **fields})


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "more GPUs than there are": (
        lambda: world.host(words(share=scenes.share(accelerators=8))),
        "share.accelerators: got 8, but ml.g5.12xlarge has 4",
    ),
    "more memory than there is": (
        lambda: world.host(words(share=scenes.share(memory_mb=2**20))),
        "share.memory_mb: got 1048576, but ml.g5.12xlarge has 196608",
    ),
    "more copies than there is room for": (
        lambda: world.host(words(copies=5)),
        "components.copies: got [5], but their accelerators come to 5, and 1 of ml.g5.12xlarge have 4",
    ),
    "memory that shrinks": (
        lambda: scenes.share(maximum_memory_mb=2048), "maximum_memory_mb: got 2048, but it is at least memory_mb, 4096",
    ),
    "a degree that its GPUs cannot hold": (
        lambda: world.host(words(model=world.lmi(engine=Vllm(tensor_parallel=4)), share=scenes.share(accelerators=2))),
        "engine.tensor_parallel: got 4, but with pipeline_parallel 1 it takes 4, and its component on ml.g5.12xlarge",
    ),
    "a language model without GPUs": (
        lambda: world.host(words(model=world.lmi(engine=Vllm(tensor_parallel=1)), share=Share(memory_mb=4096))),
        "share.accelerators: got 0, but vllm runs on GPUs, and the component takes none. Give 1.",
    ),
    "many models": (lambda: words(model=world.many()), "model: got 'MultiModel', but an inference component is one"),
    "names twice": (lambda: world.host(words(), words()), "components: got ['words', 'words'], but each component has"),
    "scaling of the host": (
        lambda: world.host(words(), scaling=TO_ZERO), "scaling: got 'Scaling', but copies of components scale",
    ),
    "no copy but instances": (
        lambda: world.host(words(scaling=TO_ZERO)),
        "components.words.scaling.minimum: got 0, but instances would stay, and cost, without a copy",
    ),
    "instances beyond the managed": (
        lambda: world.host(words(), managed=ManagedScaling(minimum=2, maximum=3)),
        "resources.instance_count: got 1, but managed scaling keeps 2 to 3 instances",
    ),
    "managed upside down": (
        lambda: ManagedScaling(minimum=3, maximum=2), "minimum: got 3, but it is at most maximum, 2",
    ),
    "an adapter of nothing": (
        lambda: world.host(words(), AdapterComponent(name="a", base="llama", data=world.archive())),
        "components.a.base: got 'llama', but the models here are words",
    ),
    "an adapter that scales": (
        lambda: AdapterComponent(name="a", base="words", data=world.archive(), scaling=TO_ZERO),
        "base: got 'words', but an adapter has no copies of its own",
    ),
    "isolation of one": (
        lambda: world.host(words(model=world.triton(network_isolation=True))),
        "components.words.network_isolation: got True, but isolation is of all components or of none",
    ),
    "a share of a type that is not there": (
        lambda: world.host(words(shares={"ml.g6.xlarge": Share(memory_mb=1024)})),
        "shares.ml.g6.xlarge: got 'ml.g6.xlarge', but the host's fallbacks are none",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    build, message = REFUSED[name]
    with pytest.raises(InvalidValue, match=re.escape(message)):
        build()


def test_isolation_of_all_is_of_the_endpoint() -> None:
    hosted = world.host(words(model=world.triton(network_isolation=True)), isolated=True)
    made = world.make("Isolated", hosted)
    (config,) = (child for child in made.node.children if child.node.id == "Config")
    assert config.enable_network_isolation is True

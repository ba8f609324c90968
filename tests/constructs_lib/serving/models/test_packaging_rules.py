"""What models refuse: families, images, stages, names."""

import re
from collections.abc import Callable

import pytest
import serving_scenes as scenes

from constructs_lib.serving.models import Archive, SerialPipeline, Stage, TritonServer
from constructs_lib.training import DeepLearningImage, EcrImage
from constructs_lib.values import InvalidValue
from ml_contract.hosting import MULTI_MODEL_GPU_FAMILIES
from ml_contract.images import LMI_VLLM
from ml_contract.multi_model import LABEL

world = scenes.light()


def stages(*names: str) -> tuple[Stage, ...]:
    return tuple(Stage(name=name, model=world.triton()) for name in names)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "many models on a newer GPU": (
        lambda: world.live(model=world.many(), resources=scenes.instances("ml.g6.xlarge")),
        "resources.instance_type: got 'ml.g6.xlarge', but several models share a GPU on p2, p3, g4dn, g5 only",
    ),
    "many models on a fallback": (
        lambda: world.live(model=world.many(), resources=scenes.instances("ml.g5.xlarge", fallbacks=("ml.g6.xlarge",))),
        "resources.instance_type: got 'ml.g6.xlarge'",
    ),
    "many models in another of AWS's images": (
        lambda: world.many(image=DeepLearningImage(image=LMI_VLLM)),
        "image: got 'djl-inference', but of AWS's images, GPU multi-model takes Triton's alone",
    ),
    "many models in an image without the label": (
        lambda: world.many(image=EcrImage(repository="mine", tag="1")),
        f"image.labels: got [], but an image serves many models only with the label for it. Write LABEL {LABEL}",
    ),
    "a limit on GPUs that are not there": (
        lambda: world.live(model=world.triton(server=TritonServer(gpu_load_limit=0.5))),
        "server.gpu_load_limit: got 0.5, but ml.c5.xlarge has no GPU",
    ),
    "one container in a row": (lambda: SerialPipeline(stages=stages("a")), "stages: got"),
    "sixteen containers in a row": (
        lambda: SerialPipeline(stages=stages(*(f"s{number}" for number in range(16)))), "must hold at most 15 items",
    ),
    "two stages of one name": (lambda: SerialPipeline(stages=stages("a", "a")), "stages: got ['a', 'a'], but each"),
    "a row in a row": (
        lambda: SerialPipeline(stages=(*stages("a"), Stage(name="b", model=SerialPipeline(stages=stages("c", "d"))))),
        "stages.b: got 'SerialPipeline', but a stage is one container with one model",
    ),
    "isolation of one stage": (
        lambda: SerialPipeline(stages=(*stages("a"), Stage(name="b", model=world.triton(network_isolation=True)))),
        "stages.b.network_isolation: got True, but isolation is of all containers or of none",
    ),
    "an archive that is none": (
        lambda: Archive(location=world.place("m"), file="model.zip"), "Archive.file: got 'model.zip'",
    ),
    "what a pipeline makes": (
        lambda: Archive(location=world.place("m").below("x"), file="model.tar.gz"),
        "location: got ('x',), but what a pipeline makes has no address when an endpoint is built",
    ),
    "a model that is a folder above": (lambda: world.triton(default_model=".."), "default_model: got '..'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    build, message = REFUSED[name]
    with pytest.raises(InvalidValue, match=re.escape(message)):
        build()


@pytest.mark.parametrize("instance_type", ["ml.g5.xlarge", "ml.g4dn.xlarge", "ml.c5.xlarge"])
def test_many_models_run_on_documented_gpus_and_on_any_cpu(instance_type: str) -> None:
    family = instance_type.split(".")[1]
    assert family in MULTI_MODEL_GPU_FAMILIES or family == "c5"
    world.live(model=world.many(), resources=scenes.instances(instance_type))


def test_a_documented_family_does_not_run_every_image() -> None:
    # p3 is among the families, and CUDA 13 left it: an older image of your own still serves there.
    on_p3 = scenes.instances("ml.p3.2xlarge")
    with pytest.raises(InvalidValue, match="the container holds CUDA 13, which runs on no V100-16GB"):
        world.live(model=world.many(), resources=on_p3)
    older = EcrImage(repository="mine", tag="1", labels=frozenset({LABEL}))
    world.live(model=world.many(image=older), resources=on_p3)


def test_an_image_of_your_own_may_serve_many_models_with_the_label() -> None:
    world.many(image=EcrImage(repository="mine", tag="1", labels=frozenset({LABEL})))

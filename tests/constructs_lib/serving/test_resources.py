"""Instances behind a variant."""

import re

import pytest
import serving_scenes as scenes

from constructs_lib.values import InvalidValue

REFUSED = {
    "an invented type": ({"instance_type": "ml.z9.large"}, "instance_type: got 'ml.z9.large', but the instance"),
    "a type that only trains": ({"instance_type": "ml.c5n.18xlarge"}, "got 'ml.c5n.18xlarge', but it trains"),
    "a volume beside disks": (
        {"instance_type": "ml.g5.xlarge", "volume_gib": 100}, "volume_gib: got 'ml.g5.xlarge', but the type has disks",
    ),
    "a volume beside disks of a fallback": (
        {"fallbacks": ("ml.g5.xlarge",), "volume_gib": 100}, "volume_gib: got 'ml.g5.xlarge', but the type has disks",
    ),
    "drivers without a device": (
        {"ami": "al2-ami-sagemaker-inference-gpu-2"},
        "ami: got 'al2-ami-sagemaker-inference-gpu-2', but ml.c5.xlarge has no accelerators",
    ),
    "drivers of another device": (
        {"instance_type": "ml.g5.xlarge", "ami": "al2-ami-sagemaker-inference-neuron-2"}, "ml.g5.xlarge has A10G-24GB",
    ),
    "a fallback twice": ({"fallbacks": ("ml.c5.xlarge",)}, "got ('ml.c5.xlarge',), but each type is tried once"),
    "five fallbacks": (
        {"fallbacks": ("ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.m5.4xlarge", "ml.c5.large")},
        "fallbacks: got",
    ),
    "an hour and more to start": ({"start_seconds": 3601}, "start_seconds: got 3601, but it must be at most 3600"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    fields, message = REFUSED[name]
    with pytest.raises(InvalidValue, match=re.escape(message)):
        scenes.instances(**fields)


def test_a_volume_is_for_types_without_disks() -> None:
    assert scenes.instances(volume_gib=100).render()["volume_size_in_gb"] == 100


def test_fetching_may_take_as_long_as_starting_unless_told_otherwise() -> None:
    assert scenes.instances().times()["model_data_download_timeout_in_seconds"] == 600
    assert scenes.instances(download_seconds=120).times()["model_data_download_timeout_in_seconds"] == 120


def test_a_driver_older_than_the_containers_cuda_is_refused() -> None:
    world = scenes.light()
    with pytest.raises(
        InvalidValue, match=r"ami: got .*gpu-2', but its driver runs CUDA 12, and the container holds CUDA"
    ):
        world.live(resources=scenes.instances("ml.g5.xlarge", ami="al2-ami-sagemaker-inference-gpu-2"))


def test_one_machine_image_must_do_for_all_types() -> None:
    world = scenes.light()
    with pytest.raises(
        InvalidValue, match=r"fallbacks: got 'ml.c5.xlarge', but CUDA 13 needs the machine image .* on ml"
    ):
        world.live(resources=scenes.instances("ml.g5.xlarge", fallbacks=("ml.c5.xlarge",)))


def test_types_that_bring_a_new_driver_keep_their_own_machine_image() -> None:
    assert scenes.instances("ml.g7e.2xlarge").machine_image(13) is None


def test_of_an_image_of_your_own_nothing_is_known() -> None:
    assert scenes.instances("ml.g5.xlarge").machine_image(None) is None

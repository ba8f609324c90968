"""The tables of instances and images, held against what others publish."""

import json
import re
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import pytest

from ml_contract.accelerators import ACCELERATORS, by_device_name
from ml_contract.errors import ContractError
from ml_contract.images import (
    ACCOUNT_BY_REGION,
    DEBUGGER_RULES,
    IMAGES,
    LMI_TENSORRT_LLM,
    LMI_VLLM,
    PYTORCH_TRAINING,
    PYTORCH_TRAINING_2_9,
    SMDDP,
    SMP,
    Image,
    find,
    image_uri,
)
from ml_contract.instances import CATALOGUE, instance


def sdk_image_map(name: str) -> dict[str, object]:
    spec = find_spec("sagemaker")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the sagemaker SDK is installed for the whole suite only (make test)")
    path = Path(next(iter(spec.submodule_search_locations))) / "core" / "image_uri_config" / f"{name}.json"
    return json.loads(path.read_text())


def test_image_accounts_equal_the_sdk_offline_map() -> None:
    theirs = sdk_image_map("pytorch-amzn2023")["training"]["versions"]["2.13"]["registries"]
    ours = {region: account for region, account in theirs.items() if region in ACCOUNT_BY_REGION}
    assert ours == ACCOUNT_BY_REGION


def test_the_training_tags_are_the_sdk_ones() -> None:
    version = sdk_image_map("pytorch-amzn2023")["training"]["versions"]["2.13"]
    tags = {f"{version['tag_prefix']}-{suffix}" for suffix in version["container_version"].values()}
    assert tags == {image.tag for image in IMAGES if image.repository == version["repository"]}


def test_the_triton_tag_is_known_to_the_sdk() -> None:
    assert "26.05" in sdk_image_map("sagemaker-tritonserver")["versions"]


@pytest.mark.parametrize(("image", "name"), [(LMI_VLLM, "djl-lmi"), (LMI_TENSORRT_LLM, "djl-tensorrtllm")])
def test_the_lmi_images_are_the_newest_of_the_sdk(image: Image, name: str) -> None:
    theirs = sdk_image_map(name)
    newest = theirs["versions"][theirs["version_aliases"]["latest"]]
    assert (image.repository, image.tag) == (newest["repository"], newest["tag_prefix"])
    known = {region: account for region, account in newest["registries"].items() if region in image.accounts}
    assert known == {region: image.accounts[region] for region in known}


@pytest.mark.parametrize(("image", "version"), [(SMP, "2.8.0"), (SMDDP, "2.7.0")])
def test_the_model_parallel_images_are_the_sdk_ones(image: Image, version: str) -> None:
    theirs = sdk_image_map("pytorch-smp")["training"]
    assert theirs["version_aliases"][image.tag.partition("-")[0]] == version
    assert dict(image.accounts) == theirs["versions"][version]["registries"]
    assert image.repository == theirs["versions"][version]["repository"]
    with pytest.raises(ContractError, match=r"region: got 'af-south-1'.* It holds ap-northeast-1"):
        image_uri(image, "af-south-1")


def test_the_debugger_accounts_equal_the_sdk_offline_map() -> None:
    assert DEBUGGER_RULES.accounts == sdk_image_map("debugger")["versions"]["latest"]["registries"]


def test_the_dockerfile_starts_from_the_training_image() -> None:
    text = (Path(__file__).parents[2] / "images" / "training" / "Dockerfile").read_text()
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, flags=re.MULTILINE))
    (base,) = re.findall(r"^FROM (\S+)$", text, flags=re.MULTILINE)
    for name, value in arguments.items():
        base = base.replace(f"${{{name}}}", value)
    assert base == image_uri(PYTORCH_TRAINING, "us-east-1")


def test_an_image_is_found_by_its_address() -> None:
    assert find(image_uri(PYTORCH_TRAINING, "eu-west-1")) is PYTORCH_TRAINING
    assert find("123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1") is None


def test_support_ends_on_a_day() -> None:
    end = PYTORCH_TRAINING_2_9.end_of_support
    assert end is not None
    assert PYTORCH_TRAINING_2_9.is_supported(end)
    assert not PYTORCH_TRAINING_2_9.is_supported(date.fromordinal(end.toordinal() + 1))


def test_an_unknown_region_is_one_error() -> None:
    with pytest.raises(ContractError, match="moon-north-1"):
        image_uri(PYTORCH_TRAINING, "moon-north-1")


def test_a_misspelled_instance_type_gets_a_suggestion() -> None:
    with pytest.raises(ContractError, match=r"ml\.p4d\.24xlargge.*Did you mean ml\.p4d\.24xlarge"):
        instance("ml.p4d.24xlargge")


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.name)
def test_rows_are_whole(entry) -> None:
    assert entry.vcpus > 0
    assert entry.memory_gib > 0
    assert (entry.accelerators > 0) == (entry.accelerator is not None) == (entry.accelerator_memory_gib > 0)
    assert not entry.device_rdma or entry.has_efa


def test_every_accelerator_is_described_and_used() -> None:
    assert {entry.accelerator for entry in CATALOGUE.values()} - {None} == set(ACCELERATORS)


@pytest.mark.parametrize(
    ("driver", "name"),
    [
        ("NVIDIA H200", "H200-141GB"),
        ("NVIDIA H100 80GB HBM3", "H100-80GB"),
        ("NVIDIA A100-SXM4-40GB", "A100-40GB"),
        ("Tesla V100-SXM2-16GB", "V100-16GB"),
        ("NVIDIA L4", "L4-24GB"),
        ("NVIDIA L40S", "L40S-48GB"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTXPRO6000-96GB"),
    ],
)
def test_an_accelerator_is_found_by_the_name_of_its_driver(driver: str, name: str) -> None:
    assert by_device_name(driver) is ACCELERATORS[name]


@pytest.mark.parametrize("driver", ["NVIDIA H100 PCIe", "NVIDIA H100 NVL", "NVIDIA GeForce RTX 4090"])
def test_a_device_of_no_instance_has_no_peak(driver: str) -> None:
    assert by_device_name(driver) is None


def test_the_peak_is_that_of_one_accelerator() -> None:
    assert instance("ml.p5en.48xlarge").peak_flops == 989.4e12
    assert instance("ml.m5.large").peak_flops is None


def test_every_type_is_one_that_sagemaker_accepts() -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")
    known = set(model.shape_for("TrainingInstanceType").enum) | set(
        model.shape_for("ProductionVariantInstanceType").enum
    )
    assert set(CATALOGUE) <= known

"""Images: the environment that stands for a repository, or one clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_contract.images import DEBUGGER_RULES, IMAGES, SMDDP, SMP, Image, image_uri
from trainyard.local.api.errors import ServiceError
from trainyard.local.images import ENVIRONMENT_OF_REPOSITORY, local_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("training", "triton", "lmi", "own"):
        program = tmp_path / name / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.touch()
    return tmp_path


def test_every_image_that_packages_can_make_has_an_environment(folder: Path) -> None:
    for image in set(IMAGES) - {SMP, SMDDP, DEBUGGER_RULES}:
        found = local_image(image_uri(image, "us-east-1"), folder, "Image")
        assert found.folder == folder / ENVIRONMENT_OF_REPOSITORY[image.repository]
        assert found.variables["PATH"].startswith(f"{found.folder}/bin:")


def test_containers_leave_the_processors_to_those_that_have_work(folder: Path) -> None:
    assert local_image("own:1", folder, "Image").variables["OMP_WAIT_POLICY"] == "PASSIVE"


@pytest.mark.parametrize("image", [SMP, SMDDP, DEBUGGER_RULES], ids=lambda image: image.tag)
def test_what_only_aws_has_is_refused(folder: Path, image: Image) -> None:
    with pytest.raises(ServiceError, match=rf"no environment for the repository '{image.repository}'"):
        local_image(image_uri(image, "us-east-1"), folder, "Image")


@pytest.mark.parametrize("uri", ["registry/own", "registry/own:1", "registry:5000/team/own@sha256:abc", "own:1"])
def test_a_repository_may_have_a_folder_of_its_name(folder: Path, uri: str) -> None:
    assert local_image(uri, folder, "Image").folder == folder / "own"


@pytest.mark.parametrize("uri", ["registry/other:1", "..", "registry/..:1", "", "/"])
def test_any_other_image_is_refused(folder: Path, uri: str) -> None:
    with pytest.raises(ServiceError, match=r"Image: got .* no environment for the repository .*Use one of djl"):
        local_image(uri, folder, "Image")


def test_an_environment_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"is not installed\. Run `make setup`"):
        local_image("registry/pytorch-training:2", tmp_path, "Image")

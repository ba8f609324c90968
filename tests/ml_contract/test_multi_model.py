"""Names of models behind a multi-model endpoint."""

from pathlib import Path

import pytest

from ml_contract.archive import unpack
from ml_contract.errors import ContractError
from ml_contract.multi_model import pack, target


@pytest.mark.parametrize("model", ["bert-7", "bert-7.tar.gz"])
def test_a_model_is_an_archive_below_the_prefix(model: str) -> None:
    assert target(model) == "bert-7.tar.gz"


def test_models_may_lie_in_folders() -> None:
    assert target("team-a/bert-7") == "team-a/bert-7.tar.gz"


@pytest.mark.parametrize("model", ["", "/bert", "../bert", "a/../b", "bert 7", "a//b", "a/", ".", "b" * 1020])
def test_what_is_no_path_below_the_prefix_is_refused(model: str) -> None:
    with pytest.raises(ContractError, match=r"^model: got .* it is a path below the endpoint's prefix"):
        target(model)


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    folder = tmp_path / "bert"
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text('backend: "python"')
    (folder / "1" / "model.py").write_text("pass")
    return folder


def test_a_packed_model_is_its_folder_where_requests_look_for_it(bert: Path, tmp_path: Path) -> None:
    archive = pack(bert, tmp_path / "out", "team-a/bert-7")
    assert archive == tmp_path / "out" / "team-a" / "bert-7.tar.gz"
    unpack(archive, tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / "bert" / "1" / "model.py").read_text() == "pass"


def test_the_empty_version_of_an_ensemble_is_packed_too(bert: Path, tmp_path: Path) -> None:
    (bert / "1" / "model.py").unlink()
    unpack(pack(bert, tmp_path / "out", "bert"), tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / "bert" / "1").is_dir()


def test_equal_models_are_equal_archives(bert: Path, tmp_path: Path) -> None:
    first, second = (pack(bert, tmp_path / name, "bert") for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(("missing", "said"), [("config.pbtxt", "has config.pbtxt"), ("1/model.py", "has a version")])
def test_what_holds_no_model_is_not_packed(bert: Path, tmp_path: Path, missing: str, said: str) -> None:
    path = bert / missing
    path.unlink()
    if path.parent != bert:
        path.parent.rmdir()
    with pytest.raises(ContractError, match=rf"^folder: got .*/bert', but a model of a Triton repository {said}"):
        pack(bert, tmp_path / "out", "bert")

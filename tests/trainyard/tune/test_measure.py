"""The tuner on a real Triton."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.serving_models import NAME, Classifier
from ml_contract.archive import pack
from ml_contract.errors import ContractError
from trainyard.local.cloud import ROOT
from trainyard.operations.connection import Connection, OperationError
from trainyard.tune.measure import measuring
from trainyard.tune.probe import probe
from trainyard.tune.server import running
from trainyard.tune.settings import Settings
from trainyard.tune.source import fetch

ENVIRONMENT = ROOT / ".trainyard" / "envs" / "triton"


def _no_connection() -> None:
    raise AssertionError("nothing here is a package")


@pytest.mark.slow
def test_settings_take_the_place_of_the_folders_own(tmp_path: Path) -> None:
    """The package batches; measured without a batcher, every request runs by itself."""
    repository = Classifier(width=16).write(tmp_path / "model")
    heard: list[int] = []
    with running(ENVIRONMENT, repository, tmp_path) as server:
        server.load(NAME)
        configuration = server.configuration(NAME)
        assert "dynamic_batching" in configuration
        source = probe(server.url, configuration, 1)
        told = lambda _, level: heard.append(level.concurrency)  # noqa: E731
        measure = measuring(server, NAME, configuration, source, (8,), 1, told)
        before = server.counts(NAME)
        assert measure(Settings())[8] > 0
        assert server.counts(NAME).mean_batch(before) == 1
        with pytest.raises(OperationError, match=f"failed to load '{NAME}'"):
            server.load(NAME, {**configuration, "instance_group": [{"kind": "KIND_NONSENSE"}]})
    assert heard == [8]


def test_a_model_is_a_folder_an_archive_or_a_repository(tmp_path: Path) -> None:
    """All come to a repository with one model."""
    repository = Classifier(width=16).write(tmp_path / "model")
    whole, name = fetch(str(repository), tmp_path / "a", _no_connection)
    own, same = fetch(str(repository / NAME), tmp_path / "b", _no_connection)
    assert (name, same) == (NAME, NAME)
    assert (whole / NAME / "config.pbtxt").is_file()
    assert (own / NAME / "config.pbtxt").is_file()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    """Nothing there; nothing in it."""
    with pytest.raises(ContractError, match="no such file"):
        fetch(str(tmp_path / "nowhere"), tmp_path / "a", _no_connection)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ContractError, match="exactly one model"):
        fetch(str(tmp_path / "empty"), tmp_path / "b", _no_connection)


def test_a_registered_package_is_downloaded(tmp_path: Path) -> None:
    """The model data that its specification names."""
    pack(Classifier(width=16).write(tmp_path / "model"), tmp_path / "model.tar.gz")

    class SageMaker:
        def describe_model_package(self, *, ModelPackageName: str) -> dict[str, object]:
            assert ModelPackageName == "arn:aws:sagemaker:us-east-1:123456789012:model-package/g/1"
            return {"InferenceSpecification": {"Containers": [{"ModelDataUrl": "s3://b/g/model.tar.gz"}]}}

    class S3:
        def download_file(self, bucket: str, key: str, file: str) -> None:
            assert (bucket, key) == ("b", "g/model.tar.gz")
            shutil.copyfile(tmp_path / "model.tar.gz", file)

    connection = Connection(None, {"sagemaker": SageMaker(), "s3": S3()})
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/g/1"
    repository, name = fetch(arn, tmp_path / "fetched", lambda: connection)
    assert (repository / name / "config.pbtxt").is_file()

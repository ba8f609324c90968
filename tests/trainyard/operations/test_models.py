"""Models behind a multi-model endpoint: where they are put, and what is listed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ml_contract.archive import unpack
from ml_contract.errors import ContractError
from trainyard.operations import models
from trainyard.operations.connection import Connection, OperationError

WHEN = datetime(2026, 11, 21, tzinfo=UTC)


class SageMaker:
    """An endpoint with one variant."""

    def __init__(self, container: dict[str, Any]) -> None:
        self.container = container

    def describe_endpoint(self, **_: str) -> dict[str, Any]:
        return {"EndpointConfigName": "config"}

    def describe_endpoint_config(self, **_: str) -> dict[str, Any]:
        return {"ProductionVariants": [{"VariantName": "live", "ModelName": "many"}]}

    def describe_model(self, **_: str) -> dict[str, Any]:
        return {"Containers": [self.container]}


class Bucket:
    """Objects by bucket and key."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        self.objects[bucket, key] = Path(path).read_bytes()

    def get_paginator(self, operation: str) -> Bucket:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **asked: str) -> list[dict[str, Any]]:
        found = {key: body for (bucket, key), body in self.objects.items() if bucket == asked["Bucket"]}
        chosen = {key: body for key, body in found.items() if key.startswith(asked["Prefix"])}
        entries = [{"Key": key, "Size": len(body), "LastModified": WHEN} for key, body in sorted(chosen.items())]
        return [{"Contents": [entry]} for entry in entries] or [{}]


def cloud(mode: str = "MultiModel") -> tuple[Connection, Bucket]:
    bucket = Bucket()
    container = {"Mode": mode, "ModelDataUrl": "s3://models/team/many/"}
    return Connection(None, {"sagemaker": SageMaker(container), "s3": bucket}), bucket


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    (tmp_path / "bert" / "1").mkdir(parents=True)
    (tmp_path / "bert" / "config.pbtxt").write_text('backend: "python"')
    return tmp_path / "bert"


def test_a_model_is_put_where_the_endpoint_loads_from(bert: Path, tmp_path: Path) -> None:
    connection, bucket = cloud()
    assert models.add(connection, "many", bert, "team-a/bert-7") == "team-a/bert-7.tar.gz"
    ((place, body),) = bucket.objects.items()
    assert place == ("models", "team/many/team-a/bert-7.tar.gz")
    (tmp_path / "found.tar.gz").write_bytes(body)
    unpack(tmp_path / "found.tar.gz", tmp_path / "found")
    assert (tmp_path / "found" / "bert" / "config.pbtxt").is_file()


def test_what_holds_no_model_is_not_put_anywhere(tmp_path: Path) -> None:
    connection, bucket = cloud()
    with pytest.raises(ContractError, match=r"has config\.pbtxt"):
        models.add(connection, "many", tmp_path, "bert")
    assert bucket.objects == {}


def test_archives_are_listed_as_requests_name_them() -> None:
    connection, bucket = cloud()
    bucket.objects = {
        ("models", "team/many/a.tar.gz"): b"12",
        ("models", "team/many/b/c.tar.gz"): b"123",
        ("models", "team/many/notes.txt"): b"",
        ("models", "team/other/d.tar.gz"): b"",
    }
    assert list(models.stored(connection, "many")) == [
        models.Stored(name="a.tar.gz", bytes=2, when=WHEN),
        models.Stored(name="b/c.tar.gz", bytes=3, when=WHEN),
    ]


def test_an_endpoint_of_one_model_takes_no_other(bert: Path) -> None:
    connection, _ = cloud("SingleModel")
    with pytest.raises(OperationError, match="many: it serves one model"):
        models.add(connection, "many", bert, "bert")

"""The models behind a multi-model endpoint: archives below the prefix that it loads from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from ml_contract.multi_model import SUFFIX, pack, target
from trainyard.operations.connection import Connection, OperationError


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A model that a request may name."""

    name: str
    """What the request gives as TargetModel."""
    bytes: int
    """Size of its archive."""
    when: datetime
    """When it was uploaded."""


def add(connection: Connection, endpoint: str, folder: Path, model: str) -> str:
    """Pack a model and put it where ``endpoint`` loads from.

    An endpoint that has loaded a model of that name before goes on answering with it: give a new version a new name.

    Args:
        connection: The cloud.
        endpoint: Name of a multi-model endpoint.
        folder: The model's folder of a Triton repository.
        model: Name that requests give; the suffix may be left out.

    Returns:
        What a request gives as TargetModel.

    Raises:
        ContractError: The folder holds no model, or the name is none.
        OperationError: The endpoint serves one model.
    """
    bucket, prefix = _place(connection, endpoint)
    with TemporaryDirectory(prefix="trainyard-model-") as staging:
        archive = pack(folder, Path(staging), model)
        connection.client("s3").upload_file(str(archive), bucket, prefix + target(model))
    return target(model)


def stored(connection: Connection, endpoint: str) -> Iterator[Stored]:
    """The models that ``endpoint`` may load, by name.

    Raises:
        OperationError: The endpoint serves one model.
    """
    bucket, prefix = _place(connection, endpoint)
    for page in connection.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            if entry["Key"].endswith(SUFFIX):
                yield Stored(name=entry["Key"].removeprefix(prefix), bytes=entry["Size"], when=entry["LastModified"])


def _place(connection: Connection, endpoint: str) -> tuple[str, str]:
    """Bucket and prefix of the models, the prefix with its slash."""
    client = connection.client("sagemaker")
    config = client.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    variants = client.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    for variant in variants:
        if "ModelName" not in variant:
            continue
        model = client.describe_model(ModelName=variant["ModelName"])
        for container in model.get("Containers") or [model.get("PrimaryContainer", {})]:
            if container.get("Mode") == "MultiModel":
                found = urlsplit(container["ModelDataUrl"])
                return found.netloc, found.path.strip("/") + "/"
    raise OperationError(f"{endpoint}: it serves one model, and loads no others by name; deploy a multi-model endpoint")

"""The model that is tuned: an archive, a folder, or a registered package."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ml_contract.archive import unpack
from ml_contract.errors import reject
from trainyard.operations.connection import Connection, OperationError

_CONFIGURATION = "config.pbtxt"


def fetch(reference: str, folder: Path, connection: Callable[[], Connection]) -> tuple[Path, str]:
    """Lay the model repository of ``reference`` out in ``folder``.

    Args:
        reference: A model.tar.gz, a repository's folder or a model's own, or the ARN of a model package.
        folder: Empty or missing.
        connection: Asked for a package alone.

    Returns:
        The repository and the name of its model.

    Raises:
        ContractError: Nothing there, or not exactly one model in it.
        OperationError: The package has no model data.
    """
    repository = folder / "repository"
    if reference.startswith("arn:"):
        unpack(_download(connection(), reference, folder / "model.tar.gz"), repository)
    elif Path(reference).is_dir():
        given = Path(reference)
        inner = repository / given.resolve().name if (given / _CONFIGURATION).is_file() else repository
        shutil.copytree(given, inner)
    elif Path(reference).is_file():
        unpack(Path(reference), repository)
    else:
        reject(
            "model", reference, "there is no such file or folder", "Give a model.tar.gz, a folder or a package's ARN."
        )
    names = sorted(path.parent.name for path in repository.glob(f"*/{_CONFIGURATION}"))
    if len(names) != 1:
        reject(
            "model",
            names,
            "exactly one model can be tuned at a time",
            "Give a folder with one; of an ensemble, a part.",
        )
    return repository, names[0]


def _download(connection: Connection, arn: str, file: Path) -> Path:
    client = connection.client("sagemaker")
    package = client.describe_model_package(ModelPackageName=arn)
    container = package.get("InferenceSpecification", {}).get("Containers", [{}])[0]
    uri = str(
        container.get("ModelDataUrl") or container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri", "")
    )
    if not uri.startswith("s3://"):
        raise OperationError(f"{arn}: the package names no model data, so there is nothing to tune")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    connection.client("s3").download_file(bucket, key, str(file))
    return file

"""The containers of model packages, and whether the model data that they name can be read."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from botocore import exceptions as aws

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.store import Store

PACKAGE: Final = "model-package"

Clients = Callable[[str], Any]
"""Gives the boto3 client of a service."""
Record = dict[str, Any]

_SPECIFICATIONS = (
    "InferenceSpecification",
    "AdditionalInferenceSpecifications",
    "AdditionalInferenceSpecificationsToAdd",
)
_TRIES = 60
_PAUSE_SECONDS = 1.0

_log = logging.getLogger(__name__)


def containers(package: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every container of a package or a request, with the field that holds it."""
    for key in (
        "InferenceSpecification",
        "AdditionalInferenceSpecifications",
        "AdditionalInferenceSpecificationsToAdd",
    ):
        given = package.get(key) or []
        for index, specification in enumerate(given if isinstance(given, list) else [given]):
            place = f"{key}[{index}]" if isinstance(given, list) else key
            for number, container in enumerate(specification["Containers"]):
                yield f"{place}.Containers[{number}]", container


def check_containers(request: Mapping[str, Any]) -> None:
    """Holds containers against the rules that the service model does not state.

    Raises:
        ServiceError: ValidationException.
    """
    if "InferenceSpecification" not in request and "AdditionalInferenceSpecifications" in request:
        raise invalid("AdditionalInferenceSpecifications: they add to an InferenceSpecification. Give one.")
    for place, container in containers(request):
        if "Image" not in container:
            raise invalid(f"{place}.Image: it is missing, but a container cannot be without one.")
        if "ModelDataUrl" in container and "ModelDataSource" in container:
            raise invalid(f"{place}: ModelDataUrl and ModelDataSource exclude each other. Give one.")
    names = [item["Name"] for item in request.get("AdditionalInferenceSpecifications", [])]
    if len(names) != len(set(names)):
        raise invalid("AdditionalInferenceSpecifications: every Name must be there once.")


def locations(package: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """The S3 URIs that a package's containers name: the field, the URI, and whether it is a prefix."""
    for place, container in containers(package):
        if container.get("ModelDataUrl"):
            yield f"{place}.ModelDataUrl", container["ModelDataUrl"], False
        source = (container.get("ModelDataSource") or {}).get("S3DataSource")
        if source:
            place = f"{place}.ModelDataSource.S3DataSource.S3Uri"
            yield place, source["S3Uri"], source["S3DataType"] == "S3Prefix"


def validate(store: Store, arn: str, clients: Callable[[], Clients], closing: threading.Event) -> None:
    """Finds out whether the model data of a package can be read, and writes it into the package's status.

    Args:
        store: the documents.
        arn: the package.
        clients: gives clients with the rights of who made the package.
        closing: set when the cloud goes down: what is not known by then is left to be found out later.
    """
    try:
        package = store.update(PACKAGE, arn, ModelPackageStatus="InProgress")
        problem = _problem(package, clients, closing)
        if closing.is_set():
            return
        status = "Failed" if problem else "Completed"
        # AWS lists nothing when all is well.
        found = [{"Name": "ModelData", "Status": status, "FailureReason": problem}] if problem else []
        details = {"ValidationStatuses": found, "ImageScanStatuses": []}
        store.update(PACKAGE, arn, ModelPackageStatus=status, ModelPackageStatusDetails=details)
    except ServiceError:
        _log.info("%s was deleted while its model data was looked at", arn)


def role_of(caller_arn: str) -> str | None:
    """The role behind the ARN of a role session, or None when the caller is no role."""
    parts = caller_arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "sts" or not parts[5].startswith("assumed-role/"):
        return None
    return f"{parts[0]}:{parts[1]}:iam::{parts[4]}:role/{parts[5].split('/')[1]}"


def _problem(package: Record, clients: Callable[[], Clients], closing: threading.Event) -> str | None:
    for place, uri, prefix in locations(package):
        for attempt in range(_TRIES):
            try:
                _look(clients()("s3"), uri, prefix=prefix)
                break
            except aws.ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                return f"{place}: {_missing(uri)} (S3 said {code} to the caller of CreateModelPackage)."
            except ServiceError as error:
                return f"{place}: the model data at {uri} cannot be read: {error.message}"
            except aws.BotoCoreError as error:
                # The cloud starts or stops.
                if attempt == _TRIES - 1 or closing.wait(_PAUSE_SECONDS):
                    return f"{place}: the model data at {uri} cannot be read: {error}"
            except ValueError as error:
                return f"{place}: {error}"
    return None


def _look(s3: Any, uri: str, *, prefix: bool) -> None:
    bucket, key = _bucket_and_key(uri)
    if not prefix:
        s3.head_object(Bucket=bucket, Key=key)
    elif not s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount"):
        raise ValueError(_missing(uri))


def _bucket_and_key(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    if parts.scheme == "https":
        bucket, _, key = key.partition("/")
    return bucket, key


def _missing(uri: str) -> str:
    """AWS's own words; it says them at once, where the embedded cloud says them in the package's status."""
    bucket, key = _bucket_and_key(uri)
    return (
        f"Cannot find S3 object: {key} in bucket {bucket}. "
        "Please check if your S3 object exists and has proper permissions for SageMaker."
    )

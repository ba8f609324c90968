"""What a job's request points at: roles, buckets, networks, keys. Checked when the job is created."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Platform

_BASE = "/opt/ml/"


def check_role(platform: Platform, arn: str) -> None:
    """Refuses a role that SageMaker cannot assume.

    Raises:
        ServiceError: ValidationException, in AWS's words.
    """
    if not platform.exists("role", arn):
        raise invalid(
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role."
        )


def check_location(platform: Platform, field: str, uri: str) -> None:
    """Refuses what is no s3:// location of a bucket that exists.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    parts = urlsplit(uri, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc:
        raise invalid(f"{field}: got {uri!r}, but jobs read and write s3:// locations. Write s3://bucket/prefix.")
    if not platform.exists("bucket", parts.netloc):
        raise invalid(f"{field}: got {uri!r}, but the bucket {parts.netloc!r} does not exist. Name one that does.")


def check_key(platform: Platform, field: str, key: str | None) -> None:
    """Refuses a KMS key that does not exist.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    if key and not platform.exists("key", key):
        raise invalid(
            f"{field}: got {key!r}, but there is no such KMS key that is enabled. Name one, or leave the field out."
        )


def check_network(platform: Platform, field: str, network: Mapping[str, Any] | None) -> None:
    """Refuses subnets and security groups that do not exist.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    for name, kind in (("Subnets", "subnet"), ("SecurityGroupIds", "security_group")):
        for index, identifier in enumerate((network or {}).get(name, [])):
            if not platform.exists(kind, identifier):
                noun = kind.replace("_", " ")
                raise invalid(f"{field}.{name}[{index}]: got {identifier!r}, but there is no such {noun}. Name one.")


def check_path(field: str, path: str | None, below: str = _BASE) -> None:
    """Refuses a container path outside the folder that the platform provides.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    if path is None or not path.startswith(below) or path == below or ".." in path.split("/"):
        raise invalid(f"{field}: got {path!r}, but it must be a path below {below}. Write {below}NAME.")


def check_unique(field: str, names: list[str]) -> None:
    """Refuses a name given twice.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise invalid(f"{field}: got {sorted(twice)[0]!r} more than once, but names must be unique. Rename one.")

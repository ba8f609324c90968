"""The images that stacks name, held against the registries that should have them.

A right to pull is what SageMaker needs, so pulling is what is asked: BatchGetImage (Amazon ECR API reference, read
2026-11-22).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from ml_contract.image_address import ImageAddress, named_in
from ml_contract.images import find
from trainyard.assembly.stacks import stacks
from trainyard.operations.connection import Connection, OperationError

Status = Literal["there", "missing", "refused", "elsewhere"]
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
)  # fmt: skip
_UPDATED = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE"]
Template = tuple[str, Mapping[str, Any]]
"""Name of a stack, and its template."""


@dataclass(frozen=True, kw_only=True)
class CheckedImage:
    """One image, and whether it can be pulled."""

    uri: str
    stacks: tuple[str, ...]
    """Stacks that name it."""
    status: Status
    """``missing``: not in its registry; ``refused``: nobody here may ask; ``elsewhere``: another region's."""
    why: str = ""
    """What the registry said; empty where it is there."""
    end_of_support: date | None = None
    """Last day with patches of an image of AWS; None where AWS names none, and for others' images."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        ends = self.end_of_support.isoformat() if self.end_of_support else None
        return {"image": self.uri, "status": self.status, "why": self.why, "stacks": list(self.stacks),
                "end_of_support": ends}  # fmt: skip


def deployed(connection: Connection, environment: str) -> Iterator[Template]:
    """The templates of an environment's stacks, as they are deployed.

    Raises:
        OperationError: It has none.
    """
    client = connection.client("cloudformation")
    pages = client.get_paginator("list_stacks").paginate(StackStatusFilter=_UPDATED)
    prefix = f"trainyard-{environment}-"
    names = [
        row["StackName"] for page in pages for row in page["StackSummaries"] if row["StackName"].startswith(prefix)
    ]
    if not names:
        raise OperationError(f"{environment}: no stack {prefix}* is deployed on {connection.name}. Deploy it first")
    for name in names:
        body = client.get_template(StackName=name)["TemplateBody"]
        yield name, json.loads(body) if isinstance(body, str) else body


def synthesised(assembly: Path, environment: str) -> Iterator[Template]:
    """The templates of an environment's stacks in a cloud assembly.

    Raises:
        ContractError: The folder holds no cloud assembly.
        OperationError: It holds no such environment.
    """
    found = [stack for stack in stacks(assembly) if stack.id.partition("/")[0].lower() == environment.lower()]
    if not found:
        known = ", ".join(sorted({stack.id.partition("/")[0].lower() for stack in stacks(assembly)}))
        raise OperationError(f"{environment}: {assembly} has no such environment. It has {known}")
    for stack in found:
        yield stack.name, stack.template


def check(connection: Connection, templates: Iterable[Template]) -> list[CheckedImage]:
    """Ask the registries for every image that templates name, each once, in the order of their addresses."""
    users: dict[ImageAddress, list[str]] = {}
    for name, template in templates:
        for address in set(named_in(_text(template))):
            users.setdefault(address, []).append(name)
    return [
        _check(connection, address, tuple(users[address])) for address in sorted(users, key=lambda address: address.uri)
    ]


def _check(connection: Connection, address: ImageAddress, users: tuple[str, ...]) -> CheckedImage:
    from botocore.exceptions import ClientError

    client = connection.client("ecr")
    known = find(address.uri)
    ends = known.end_of_support if known else None
    about: dict[str, Any] = {"uri": address.uri, "stacks": users, "end_of_support": ends}
    if client.meta.region_name != address.region:
        why = f"asked in {client.meta.region_name}; set AWS_REGION={address.region}"
        return CheckedImage(status="elsewhere", why=why, **about)
    try:
        answer = client.batch_get_image(
            registryId=address.account, repositoryName=address.repository, imageIds=[address.identity],
            acceptedMediaTypes=list(_MANIFESTS),
        )  # fmt: skip
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status: Status = "missing" if code == "RepositoryNotFoundException" else "refused"
        return CheckedImage(status=status, why=error.response["Error"]["Message"], **about)
    if answer["images"]:
        return CheckedImage(status="there", **about)
    return CheckedImage(status="missing", why=answer["failures"][0]["failureReason"], **about)


def _text(value: object) -> str:
    """A template as text in which joined parts stand together."""
    if isinstance(value, Mapping):
        if set(value) == {"Fn::Join"}:
            separator, parts = value["Fn::Join"]
            return str(separator).join(map(_text, parts)) if isinstance(parts, list) else _text(parts)
        return "\n".join(map(_text, value.values()))
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    return str(value)

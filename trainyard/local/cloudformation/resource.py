"""One CloudFormation resource type: what it applies, and how it is made, changed and removed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ministack.core.responses import new_uuid
from ministack.services.cloudformation import provisioners

from trainyard.local.cloudformation.aws import CallError, call

Properties = Mapping[str, Any]

SCHEMAS: dict[str, dict[str, list[str]]] = json.loads(Path(__file__).with_name("schemas.json").read_text())["types"]
"""By type: properties, required, create_only (a change replaces the resource), read_only."""

ALL: dict[str, Any] = {}
"""In a table of applied properties, an empty table: the property is applied with everything in it."""

TAGS = {"Key": ALL, "Value": ALL}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a handler is asked to make."""

    logical_id: str
    """The resource's name in the template."""
    stack: str
    """The stack's name."""
    properties: Properties
    """Properties with every intrinsic function resolved."""

    def name(self, given: str, *, limit: int, lowercase: bool = False) -> str:
        """The physical name: property `given`, else one that CloudFormation would make up, at most `limit` long."""
        chosen = self.properties.get(given)
        if chosen:
            return str(chosen)
        if not provisioners._NAME_SEED.get():
            # Another name at each creation: a resource that a deleted stack retained still holds the last one.
            provisioners._NAME_SEED.set(new_uuid()[:8])
        made: str = provisioners._physical_name(self.stack, self.logical_id, max_len=limit, lowercase=lowercase)
        return made


class Resource:
    """Base of all types. A type says how to `make` what can never change and how to `apply` what can."""

    type: ClassVar[str]
    """CloudFormation's name, e.g. `AWS::S3::Bucket`."""
    applied: ClassVar[Mapping[str, Any]]
    """The properties that the cloud applies, nested; a property outside this table fails the deploy."""
    custom_name: ClassVar[str | None] = None
    """The property that names the resource: while it stays the same, AWS refuses a replacement."""
    tag_shape: ClassVar[str | None] = "list"
    """How the type writes its Tags property: list, map, or None when it has none."""
    slow: ClassVar[bool] = False
    """Whether handlers wait for the resource to become ready; they then run on a thread of their own."""

    def make(self, request: Request) -> str:
        """Creates the resource from its create-only properties; returns the physical id, which is what Ref gives."""
        raise NotImplementedError

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        """Applies every property that may change. `old` is empty for a resource just made."""

    def attributes(self, _identity: str, _properties: Properties, /) -> dict[str, Any]:
        """What Fn::GetAtt gives."""
        return {}

    def remove(self, identity: str, properties: Properties) -> None:
        """Deletes the resource; one that is gone already is no error."""
        raise NotImplementedError

    @property
    def schema(self) -> Mapping[str, list[str]]:
        return SCHEMAS[self.type]


def unless_gone(codes: Sequence[str], service: str, operation: str, **parameters: Any) -> None:
    """Calls a delete; the given error codes say that the resource is gone already."""
    try:
        call(service, operation, **parameters)
    except CallError as error:
        if error.code not in codes:
            raise


def tag_list(properties: Properties) -> list[dict[str, str]]:
    """The Tags property as a list of Key and Value, from either shape."""
    tags = properties.get("Tags") or []
    if isinstance(tags, Mapping):
        return [{"Key": str(key), "Value": str(value)} for key, value in tags.items()]
    return [{"Key": str(tag["Key"]), "Value": str(tag.get("Value", ""))} for tag in tags]


def tag_changes(old: Properties, new: Properties) -> tuple[list[dict[str, str]], list[str]]:
    """Tags to set and keys to remove on the way from old to new properties."""
    before = {tag["Key"]: tag["Value"] for tag in tag_list(old)}
    after = {tag["Key"]: tag["Value"] for tag in tag_list(new)}
    add = [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]
    return add, sorted(set(before) - set(after))


def retag_by_arn(arn: str, old: Properties, new: Properties, *, service: str, on: str, off: str, field: str) -> None:
    """Brings tags from old to new properties, at a service that takes a list of them for an ARN.

    Args:
        arn: The resource's.
        old: Properties of before; empty where it was just made.
        new: Properties of now.
        service: The service, as botocore names it.
        on: Its operation that adds tags.
        off: Its operation that removes them.
        field: The operations' parameter for the ARN.
    """
    add, remove = tag_changes(old, new)
    if remove:
        call(service, off, **{field: arn}, TagKeys=remove)
    if add:
        call(service, on, **{field: arn}, Tags=add)


def policy_text(document: object) -> str:
    """A policy document as text; a template may give it as text too.

    Raises:
        CallError: No policy document.
    """
    text = document if isinstance(document, str) else json.dumps(document)
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise CallError(f"policy document: {error}", "MalformedPolicyDocument") from error
    if not isinstance(parsed, dict) or not parsed.get("Statement"):
        raise CallError("policy document: a Statement is wanted", "MalformedPolicyDocument")
    return text

"""What a reader of one resource type is."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import ClientError

Properties = Mapping[str, Any]


class Clients(Protocol):
    """Whatever makes boto3 clients: a boto3 session, or a connection to a cloud."""

    def client(self, service_name: str, /) -> Any:
        """The client of a service."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """One deployed resource, as a reader gets it."""

    clients: Clients
    """For calls to the services."""
    physical_id: str
    """What Ref gives."""
    properties: Properties
    """What the template says, resolved."""
    others: Sequence[tuple[str, Properties]] = ()
    """Type and properties of every resource that is read back with it: rules of one group may be several resources."""

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Calls an operation by its Python name, e.g. `call("ec2", "describe_vpcs", VpcIds=[…])`."""
        answer: dict[str, Any] = getattr(self.clients.client(service), operation)(**parameters)
        return answer

    def first(self, service: str, operation: str, key: str, /, **parameters: Any) -> dict[str, Any]:
        """Calls an operation that lists things, and gives the first one of its answer's `key`."""
        found: list[dict[str, Any]] = self.call(service, operation, **parameters)[key]
        return found[0]


def _no_attribute(_deployed: Deployed, _name: str) -> Any:
    return None


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads one type through its service's API, in the words of CloudFormation."""

    read: Callable[[Deployed], dict[str, Any]]
    """Properties as the service says them; those that are not set may be left out."""
    defaults: Properties = field(default_factory=dict)
    """What a property is when the template does not give it. Anything else that is found there differs."""
    attribute: Callable[[Deployed, str], Any] = _no_attribute
    """Fn::GetAtt's value, from the service; None when it is not known."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Properties that no API gives back, each with the reason."""
    chosen: frozenset[str] = frozenset()
    """Properties that CloudFormation or the service chooses when the template does not: no default to hold to."""


def tags(
    rows: Sequence[Mapping[str, Any]] | Mapping[str, str] | None, key: str = "Key", value: str = "Value"
) -> list[dict[str, str]]:
    """Tags in CloudFormation's shape, without those that CloudFormation adds itself."""
    pairs = rows.items() if isinstance(rows, Mapping) else [(row[key], row[value]) for row in rows or []]
    return [{"Key": name, "Value": text} for name, text in sorted(pairs) if not name.startswith("aws:")]


def document(text: str | Mapping[str, Any]) -> Any:
    """A policy document from text; IAM's client has parsed it already."""
    return json.loads(text) if isinstance(text, str) else text


def identity(*names: str) -> Callable[[Deployed, str], Any]:
    """An attribute's reader, of a type whose attributes of these names are what Ref gives."""
    return lambda deployed, name: deployed.physical_id if name in names else None


def missing(error: Exception, *codes: str) -> bool:
    """Whether an API error is one of the codes that say 'not configured'."""
    response = getattr(error, "response", None) or {}
    return response.get("Error", {}).get("Code") in codes


def configured(read: Callable[[], Any], *codes: str) -> Any:
    """What a service says, None when it says that nothing was configured."""
    try:
        return read()
    except ClientError as error:
        if missing(error, *codes):
            return None
        raise

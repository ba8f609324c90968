"""Looking at a cloud through its APIs, and remembering where nobody may look: that is not said to be gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from trainyard.operations.connection import Connection

_FORBIDDEN = (
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "UnauthorizedAccess",
)
_NO_SERVICE = "UnknownOperationException"
"""What the embedded cloud answers for what it does not have."""


def code(error: ClientError) -> str:
    """The service's word for an error."""
    return str(error.response["Error"]["Code"])


@dataclass(frozen=True)
class Look:
    """Calls that only read."""

    connection: Connection
    unseen: set[str] = field(default_factory=set)
    """What could not be looked at, and why, a sentence each."""

    def client(self, service: str) -> Any:
        """A client."""
        return self.connection.client(service)

    def all(self, service: str, operation: str, key: str, /, **request: Any) -> Iterator[Any]:
        """Every entry under ``key`` of all pages of an answer; none where the embedded cloud has no such call.

        Args:
            service: boto3's name of the service.
            operation: Of the client, ``list_endpoints``.
            key: The answer's list.
            **request: The request.
        """
        client = self.client(service)
        try:
            if client.can_paginate(operation):
                for page in client.get_paginator(operation).paginate(**request):
                    yield from page.get(key) or ()
            else:
                yield from getattr(client, operation)(**request).get(key) or ()
        except ClientError as error:
            self.forgive(error, f"{service} {operation}")

    def of(self, gone: tuple[str, ...], service: str, operation: str, key: str, /, **request: Any) -> list[Any]:
        """All entries, as :meth:`all`; none where an error says that what they belong to is gone."""
        return self.unless(gone, lambda: list(self.all(service, operation, key, **request))) or []

    def forgive(self, error: ClientError, what: str) -> None:
        """Go on without an answer.

        Raises:
            ClientError: ``error`` itself, where it is none of a missing permission or of a service that is not there.
        """
        if code(error) == _NO_SERVICE and self.connection.cloud is not None:
            return
        if code(error) not in _FORBIDDEN:
            raise error
        self.unseen.add(f"{what}: {error.response['Error']['Message']}")

    def unless(self, gone: tuple[str, ...], call: Callable[[], Any]) -> Any:
        """What ``call`` answers; None where its error says that the thing is gone."""
        try:
            return call()
        except ClientError as error:
            if code(error) in gone or any(word in error.response["Error"]["Message"] for word in gone):
                return None
            raise

"""What is sent: the same request again and again, to a plain server or signed for sagemaker-runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ml_contract.errors import reject
from trainyard.operations.connection import Connection

SIGNATURE_SECONDS = 240
"""AWS takes a signature for 5 minutes ("Signature Version 4", read 2026-11-21); a level of load must end before."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One POST."""

    url: str
    """Where to."""
    body: bytes
    """Its body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Its headers, signed where the server wants that."""


class Source(Protocol):
    """Makes the request of a level of load, anew each time: a signature ages."""

    def request(self) -> Request:
        """What to send from now on."""


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A server that wants no signature."""

    url: str
    """Where to."""
    body: bytes
    """Its body."""
    content_type: str = "application/json"
    """Its media type."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """More headers."""

    def request(self) -> Request:
        """The same each time."""
        return Request(url=self.url, body=self.body, headers={"content-type": self.content_type, **self.headers})


@dataclass(frozen=True, kw_only=True)
class Signed:
    """An endpoint through sagemaker-runtime's InvokeEndpoint, on AWS and on the embedded cloud alike."""

    connection: Connection
    """The cloud."""
    endpoint: str
    """Name of the endpoint."""
    body: bytes
    """Body of each request."""
    content_type: str = "application/json"
    """Its media type."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of InvokeEndpoint beside these, such as TargetModel."""

    def request(self) -> Request:
        """Built and signed by botocore itself, so that names of headers and the signature are its affair."""
        client = self.connection.client("sagemaker-runtime")
        parameters = {
            "EndpointName": self.endpoint,
            "Body": self.body,
            "ContentType": self.content_type,
            "Accept": self.content_type,
            **self.more,
        }
        sent: list[Any] = []

        def keep(request: Any, **_: object) -> Any:
            from botocore.awsrequest import AWSResponse

            sent.append(request)
            return AWSResponse(request.url, 200, request.headers, _Nothing())

        events = client.meta.events
        events.register("before-send.sagemaker-runtime.InvokeEndpoint", keep)
        try:
            client.invoke_endpoint(**parameters)
        finally:
            events.unregister("before-send.sagemaker-runtime.InvokeEndpoint", keep)
        (request,) = sent
        headers = {name: _text(value) for name, value in request.headers.items()}
        # The generator counts the body itself, and 100-continue is for one large request.
        headers = {name: value for name, value in headers.items() if name.lower() not in ("content-length", "expect")}
        return Request(url=request.url, body=self.body, headers=headers)


class _Nothing:
    """The body of an answer that was never asked for."""

    def read(self, *_: int) -> bytes:
        return b""

    def stream(self, *_: int, **__: object) -> Any:
        return iter(())


def check_seconds(seconds: float) -> float:
    """How long one level may take.

    Raises:
        ContractError: It is not positive, or a signature would not last.
    """
    if not 0 < seconds <= SIGNATURE_SECONDS:
        rule = f"a level takes more than 0 and at most {SIGNATURE_SECONDS} s: as long as a signature lasts"
        reject("--seconds", seconds, rule, "Give for example 10s.")
    return seconds


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)

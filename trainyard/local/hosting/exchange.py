"""A question to what serves, its answer, and what every kind of serving has in common."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

JSON = "application/json"
Figures = tuple[tuple[str, float], ...]
"""Names of metrics with values; times in seconds."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One invocation on its way to a container."""

    body: bytes
    headers: Mapping[str, str]
    """What the container is told, names in lower case; content-type is among them."""
    seconds: float
    """Longest wait for any part of the answer."""
    target_model: str | None = None
    """Which model of many, as TargetModel names it."""
    target_container: str | None = None
    """Which container of a model that is asked directly."""

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", JSON)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a container answered."""

    status: int
    """HTTP status; 0 when there was no answer in time."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    seconds: float = 0.0
    """How long the container took; 0 when it was not asked."""
    container: str = "primary"
    """Which container answered."""
    fatal: str = ""
    """Why the container will not recover by itself; empty when it may."""
    figures: Figures = ()
    """What was measured on the way to the container."""


@dataclass(frozen=True, kw_only=True)
class StreamedReply:
    """What a container answers piece by piece."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    parts: Iterator[bytes]
    """The body as it comes; it raises OSError when the container breaks off. Read it to its end, or close it."""
    container: str = "primary"
    """Which container answers."""
    figures: Figures = ()
    """As in a reply."""


class Serving(Protocol):
    """What runs on one instance: a container, a container of many models, or several containers in a row."""

    ended: threading.Event
    """Set when it serves no more."""
    end: str
    """How it ended."""

    def ping(self, seconds: float = 2.0) -> bool:
        """Whether it says that it is healthy."""

    def ask(self, question: Question) -> Reply:
        """Answers.

        Raises:
            ServiceError: the question itself is refused.
        """

    def stream(self, question: Question) -> StreamedReply:
        """Answers piece by piece.

        Raises:
            ServiceError: the question itself is refused.
        """

    def holds(self, target_model: str, /) -> bool:
        """Whether one of many models is there without a wait."""

    def overdrawn(self) -> str:
        """Why it takes more memory than it has; empty when it does not."""

    def terminate(self) -> None:
        """Asks it to end and waits a moment: what it works on is answered."""

    def drain(self) -> None:
        """Waits until the last lines of its log have been heard."""

    def close(self) -> None:
        """Ends every process and removes its folder."""


def refusal(status: int, text: str, *, container: str = "primary", seconds: float = 0.0) -> Reply:
    """An answer that a container did not give itself."""
    body = json.dumps({"error": text}).encode()
    return Reply(
        status=status, headers={"content-type": JSON}, body=body, container=container, seconds=seconds
    )  # fmt: skip


def timed_out(container: str, seconds: float) -> Reply:
    """The answer for a container that gave none in time, in AWS's words."""
    return refusal(
        0,
        f"Your invocation timed out while waiting for a response from container {container}. Review the latency "
        "metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
        container=container,
        seconds=seconds,
    )

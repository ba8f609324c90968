"""`trainyard invoke`: ask an endpoint."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

import typer

from trainyard.operations import responses
from trainyard.operations.connection import Connection
from trainyard.operations.inference import continue_text, invoke


def ask(connection: Connection, endpoint: str, body: bytes, content_type: str, more: Mapping[str, str]) -> None:
    """Send bytes as they are and print the answer."""
    answer = invoke(connection, endpoint, body, content_type, more)
    typer.echo(answer.body)
    typer.echo(f"{answer.variant or endpoint} answered in {answer.seconds * 1000:.1f} ms", err=True)


def stream(connection: Connection, endpoint: str, body: bytes, content_type: str, more: Mapping[str, str]) -> None:
    """Print the answer's parts as they come."""
    parts = 0
    for part in responses.streamed(connection, endpoint, body, content_type, more):
        typer.echo(part, nl=False)
        parts += 1
    typer.echo()
    typer.echo(f"{endpoint} answered in {parts} parts", err=True)


def defer(
    connection: Connection,
    endpoint: str,
    body: bytes,
    content_type: str,
    folder: str,
    more: Mapping[str, str],
    seconds: float,
) -> None:
    """Put the request into S3, say where the answer will be, and print it when it is there."""
    waiting = responses.defer(connection, endpoint, body, content_type, folder, more)
    typer.echo(f"the answer will be at {waiting.output}", err=True)
    typer.echo(responses.collect(connection, waiting, seconds))


def continue_prompt(
    connection: Connection, endpoint: str, prompt: str, *, count: int, temperature: float, seed: int
) -> None:
    """Let a byte-level model continue a prompt."""
    written = continue_text(connection, endpoint, prompt.encode(), count, temperature=temperature, seed=seed)
    typer.echo(written.text.decode(errors="replace"))
    typer.echo(f"{count} requests, median {statistics.median(written.seconds) * 1000:.1f} ms", err=True)

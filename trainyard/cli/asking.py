"""`trainyard invoke`: ask an endpoint."""

from __future__ import annotations

import statistics
from pathlib import Path

import typer

from trainyard.operations.connection import Connection
from trainyard.operations.inference import continue_text, invoke


def ask(
    connection: Connection,
    endpoint: str,
    *,
    prompt: str | None,
    count: int,
    temperature: float,
    seed: int,
    body: Path | None,
    content_type: str,
) -> None:
    """Send a file as it is, or let a byte-level model continue a prompt."""
    if body is not None:
        answer = invoke(connection, endpoint, body.read_bytes(), content_type)
        typer.echo(answer.body)
        typer.echo(f"{answer.variant or endpoint} answered in {answer.seconds * 1000:.1f} ms", err=True)
        return
    assert prompt is not None
    written = continue_text(connection, endpoint, prompt.encode(), count, temperature=temperature, seed=seed)
    typer.echo(written.text.decode(errors="replace"))
    typer.echo(f"{count} requests, median {statistics.median(written.seconds) * 1000:.1f} ms", err=True)

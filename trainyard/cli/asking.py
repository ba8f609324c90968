"""`trainyard invoke`: ask an endpoint."""

from __future__ import annotations

from pathlib import Path

import typer

from trainyard.operations.connection import Connection
from trainyard.operations.inference import invoke, next_bytes


def ask(
    connection: Connection, endpoint: str, *, prompt: str | None, count: int, body: Path | None, content_type: str
) -> None:
    """Send a file as it is, or let a byte-level model continue a prompt."""
    if body is not None:
        answer = invoke(connection, endpoint, body.read_bytes(), content_type)
        typer.echo(answer.body)
        typer.echo(f"{answer.variant or endpoint} answered in {answer.seconds * 1000:.1f} ms", err=True)
        return
    assert prompt is not None
    text, latencies = prompt.encode(), []
    typer.echo(prompt, nl=False)
    for _ in range(count):
        candidates, answer = next_bytes(connection, endpoint, text, 1)
        text += bytes([candidates[0].byte])
        latencies.append(answer.seconds)
        typer.echo(chr(candidates[0].byte) if candidates[0].byte < 128 else "�", nl=False)
    typer.echo("")
    median = sorted(latencies)[len(latencies) // 2]
    typer.echo(f"{count} requests, median {median * 1000:.1f} ms", err=True)

"""Faults of S3 on request: errors and silence for chosen operations on chosen keys."""

from __future__ import annotations

from typing import Any

from trainyard.local.hooks.gateway import Receive, Scope, Send


class S3Faults:
    """Answers S3 requests with the faults that somebody asked for."""

    def __init__(self, faults: Any) -> None:
        """Composes the hook over the registry of faults."""
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answers a request with a fault; false when there is none for it."""
        return False

"""What stands before the emulator: health, faults, and a closed door to its unauthenticated administration."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from ministack import app

from trainyard.local.daemon import HEALTH_PATH

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_ADMINISTRATION = ("/_ministack/", "/_localstack/", "/_aws/")
# The emulator's own paths that deployments need: custom resources and wait conditions answer there.
_OPEN = ("/_ministack/cfn-response/", "/_ministack/cfn-signal/")


class Gateway:
    """The application that the server serves."""

    def __init__(
        self,
        health: Callable[[], Awaitable[dict[str, Any]]],
        touched: Callable[[], None],
        fault: Callable[[Scope, Receive, Send], Awaitable[bool]],
        measured: Callable[[Scope, Send], Send],
    ) -> None:
        """Composes the gateway.

        Args:
            health: what the daemon says of itself.
            touched: called after every request that may have changed something.
            fault: answers a request with an injected fault; false when there is none for it.
            measured: what a request's answer goes through to be counted.
        """
        self._health, self._touched, self._fault, self._measured = health, touched, fault, measured
        self.ready = asyncio.Event()
        """Set when the emulator has restored its services."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection's scope, as ASGI has it."""
        if scope["type"] == "lifespan":
            await app.app(scope, receive, self._watched(send))
        elif scope["type"] != "http":
            await app.app(scope, receive, send)
        elif scope["path"] == HEALTH_PATH:
            await _answer(send, 200, await self._health())
        elif scope["path"].startswith(_ADMINISTRATION) and not scope["path"].startswith(_OPEN):
            message = "The emulator's own administration is closed. Use `trainyard local`"
            await _answer(send, 403, {"__type": "AccessDenied", "message": message})
        elif not await self._fault(scope, receive, send := self._measured(scope, send)):
            await app.app(scope, receive, send)
            if scope["method"] not in ("GET", "HEAD"):
                self._touched()

    def _watched(self, send: Send) -> Send:
        async def watch(message: dict[str, Any]) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self.ready.set()

        return watch


async def _answer(send: Send, status: int, body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

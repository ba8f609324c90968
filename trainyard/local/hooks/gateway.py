"""What stands before the emulator: health, and a closed door to its unauthenticated administration."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from ministack import app

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HEALTH_PATH = "/_trainyard/health"
# The emulator's own paths that deployments need: custom resources and wait conditions answer there.
_OPEN = ("/_ministack/cfn-response/", "/_ministack/cfn-signal/", "/_ministack/health")


def gateway(
    health: Callable[[], dict[str, Any]],
    touched: Callable[[], None],
    fault: Callable[[Scope, Receive, Send], Awaitable[bool]],
) -> Application:
    """The application that the server serves.

    Args:
        health: what the daemon says of itself.
        touched: called after every request that may have changed something.
        fault: answers a request with an injected fault; false when there is none for it.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app.app(scope, receive, send)
            return
        path = scope["path"]
        if path == HEALTH_PATH:
            await answer(send, 200, health())
        elif path.startswith(("/_ministack/", "/_localstack/")) and not path.startswith(_OPEN):
            message = "The emulator's own administration is closed: use `trainyard local`"
            await answer(send, 403, {"__type": "AccessDenied", "message": message})
        elif not await fault(scope, receive, send):
            await app.app(scope, receive, send)
            if scope["method"] not in ("GET", "HEAD"):
                touched()

    return serve


async def answer(send: Send, status: int, body: dict[str, Any]) -> None:
    """Answers with JSON."""
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

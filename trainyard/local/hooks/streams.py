"""Answers that reach the client piece by piece, through the emulator's own kind of streaming answer."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

from ministack.core.responses import StreamingResponse

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
_AHEAD = 16
"""Pieces that may wait for a slow client; its model waits with it."""


class Parts(Protocol):
    """Pieces of an answer."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Gives back what the rest of the pieces would need."""


def streamed(parts: Parts) -> StreamingResponse:
    """The emulator's answer of these pieces: they are taken on a thread of their own, for taking one may block."""

    async def run(send: Send, receive: Receive) -> None:
        pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)
        gone = threading.Event()
        take = functools.partial(_take, parts, pieces, gone, asyncio.get_running_loop())
        threading.Thread(target=take, name="stream", daemon=True).start()
        leaving = asyncio.create_task(_left(receive, gone))
        try:
            while (piece := await pieces.get()) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.set()
            leaving.cancel()
            with contextlib.suppress(asyncio.QueueEmpty):
                while True:
                    pieces.get_nowait()

    return StreamingResponse(run)


def _take(
    parts: Parts, pieces: asyncio.Queue[bytes | None], gone: threading.Event, loop: asyncio.AbstractEventLoop
) -> None:
    def put(piece: bytes | None) -> None:
        asyncio.run_coroutine_threadsafe(pieces.put(piece), loop).result()

    try:
        for part in parts:
            if gone.is_set():
                break
            put(part)
    finally:
        parts.close()
        # Whoever sends the pieces waits for it, whether there is still a client or not.
        put(None)


async def _left(receive: Receive, gone: threading.Event) -> None:
    """Notes that the client reads no more."""
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.set()

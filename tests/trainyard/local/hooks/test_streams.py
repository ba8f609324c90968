"""Answers piece by piece: in order, as fast as the client reads, and given up when it is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PROGRAM = """
import asyncio, json, threading, time
from trainyard.local.hooks.streams import streamed

class Parts:
    def __init__(self, count):
        self.count, self.taken, self.closed = count, 0, threading.Event()
    def __iter__(self):
        while self.taken < self.count:
            self.taken += 1
            yield b"%d " % self.taken
    def close(self):
        self.closed.set()

async def ask(count, leave_after=None):
    parts, sent, left = Parts(count), [], asyncio.Event()
    async def send(message):
        sent.append(message["body"])
        if leave_after is not None and len(sent) == leave_after:
            left.set()
        if leave_after is not None:
            await asyncio.sleep(0.01)
    async def receive():
        await left.wait()
        return {"type": "http.disconnect"}
    await asyncio.wait_for(streamed(parts).runner(send, receive), 10)
    await asyncio.to_thread(parts.closed.wait, 10)
    return parts, sent

async def main():
    whole, sent = await ask(100)
    gone, _ = await ask(10**9, leave_after=5)
    return [b"".join(sent).decode(), whole.closed.is_set(), gone.taken, gone.closed.is_set()]

print(json.dumps(asyncio.run(main())))
"""


def test_every_piece_arrives_and_a_client_that_is_gone_ends_the_stream(
    beside_the_emulator: Callable[[str], Any],
) -> None:
    text, closed, taken, closed_too = beside_the_emulator(PROGRAM)
    assert text.split() == [str(number) for number in range(1, 101)]
    assert closed
    assert closed_too
    assert taken < 100

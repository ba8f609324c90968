"""The emulator's state on disk: at a graceful stop, and every few seconds while it changes."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import persistence

from trainyard.local.hooks.snapshots import Snapshots

_FORMAT = "__ministack_format__"
_log = logging.getLogger(__name__)

State = Mapping[str, Callable[[], Any]]


class StateError(ValueError):
    """What is on disk cannot be read. The message is one line meant for a user."""


class Persistence:
    """Keeps the emulator's services in snapshots."""

    def __init__(self, snapshots: Snapshots, interval: float) -> None:
        """Composes the keeper.

        Args:
            snapshots: where states are kept.
            interval: least time between two snapshots, in seconds: what a kill can lose.
        """
        self._snapshots = snapshots
        self._interval = interval
        self._dirty = False

    def install(self) -> None:
        """Replaces how the emulator loads at its start and saves at its end."""
        app.load_state = self.load
        app.save_all = self.save

    def verify(self) -> None:
        """Reads every state once.

        Raises:
            StateError: one cannot be read; the emulator would start without it and then overwrite it.
        """
        for name in self._snapshots.names():
            self.load(name.removesuffix(".json"))

    def load(self, service: str) -> Any:
        """The state of a service, or None."""
        content = self._snapshots.load(f"{service}.json")
        if content is None:
            return None
        try:
            wrapped = json.loads(content, object_hook=persistence._json_object_hook)
            version, payload = wrapped[_FORMAT], wrapped["payload"]
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(
                f"state: {service}.json in {str(self._snapshots.folder)!r} cannot be read ({error}). "
                "Start afresh with `trainyard local reset`, or put the file back"
            ) from None
        known = persistence._state_format_version(service)
        if version > known:
            raise StateError(
                f"state: {service}.json has format {version}, but this emulator knows {known}. "
                "Install the newer one again, or start afresh with `trainyard local reset`"
            )
        return payload

    def save(self, services: State) -> None:
        """Writes the states of services as one snapshot."""
        files = {}
        for service, get_state in services.items():
            state = get_state()
            # None: the module never loaded, so what an earlier run kept of it stays.
            if state is not None:
                wrapped = {_FORMAT: persistence._state_format_version(service), "payload": state}
                files[f"{service}.json"] = json.dumps(wrapped, default=persistence._json_default).encode()
        self._snapshots.write(files)

    def touched(self) -> None:
        """Says that a request may have changed something."""
        self._dirty = True

    async def run(self) -> None:
        """Saves while things change; ends when cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            if not self._dirty and not _deploying():
                continue
            self._dirty = False
            started = time.monotonic()
            try:
                # States are copied on the loop, between requests, so none is seen half-changed by a handler.
                states = app._build_persistence_save_dict()
                copies = {name: _constant(get_state()) for name, get_state in states.items()}
                await asyncio.to_thread(self.save, copies)
            except Exception:
                # A deployment's threads may change a state while it is copied: the next round takes it.
                _log.warning("no snapshot this time", exc_info=True)
                self._dirty = True
            # A large state must not keep the processor busy with saving it.
            await asyncio.sleep(4 * (time.monotonic() - started))


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def _deploying() -> bool:
    """Whether a stack is changing in the background, after the request that began it was answered."""
    module = app._loaded_modules.get("cloudformation")
    stacks = module._stacks.values() if module is not None else []
    return any(str(stack.get("StackStatus", "")).endswith("IN_PROGRESS") for stack in stacks)

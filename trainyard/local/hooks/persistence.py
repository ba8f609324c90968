"""The emulator's state on disk: at a graceful stop, and every few seconds while it changes."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import persistence

from trainyard.local.hooks.snapshots import Snapshots, StateError

_FORMAT = "__ministack_format__"
# Dictionaries that the emulator keeps by account or region, as they are written.
_SCOPED = ("__scoped__", "__account_region_scoped__")
_EMPTY_CHARACTERS = 4096
"""More than a module writes whose containers are all empty."""
_SHARE = 0.1
"""Of a processor that snapshots may take while things change."""
_log = logging.getLogger(__name__)


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
        self._closed = False
        self._lock = threading.Lock()

    def install(self) -> None:
        """Replaces how the emulator loads at its start and saves at its end."""
        app.load_state = self.load
        app.save_all = self.save_last

    def verify(self) -> None:
        """Reads every state once.

        Raises:
            StateError: one cannot be read; the emulator would start without it and then overwrite it.
        """
        for name in self._snapshots.names():
            self.load(name.removesuffix(".json"))

    def load(self, service: str) -> Any:
        """The state of a service, or None when it has none."""
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

    def save_last(self, services: Mapping[str, Callable[[], Any]]) -> None:
        """Writes the states of services, after which no snapshot follows: the emulator is stopping."""
        with self._lock:
            self._closed = True
            self._snapshots.write(_files({name: get_state() for name, get_state in services.items()}))

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
                services = app._build_persistence_save_dict()
                states = {name: get_state() for name, get_state in services.items()}
                await asyncio.to_thread(self._save, states)
            except Exception:
                # A deployment's threads may change a state while it is copied: the next round takes it.
                _log.warning("no snapshot this time", exc_info=True)
                self._dirty = True
            # A large state must not keep the processor busy with saving it.
            await asyncio.sleep((1 / _SHARE - 1) * (time.monotonic() - started))

    def _save(self, states: Mapping[str, Any]) -> None:
        files = _files(states)
        with self._lock:
            if not self._closed:
                self._snapshots.write(files)


def _files(states: Mapping[str, Any]) -> dict[str, bytes | None]:
    """What is written of states: nothing of a module that holds none, so that the next start need not import it."""
    files: dict[str, bytes | None] = {}
    for service, state in states.items():
        # None: the module never loaded, so what an earlier run kept of it stays.
        if state is not None:
            payload = json.dumps(state, default=persistence._json_default)
            version = persistence._state_format_version(service)
            content = f'{{"{_FORMAT}": {version}, "payload": {payload}}}'.encode()
            # Only what is short is read again: reading all of it takes as long as writing it.
            holds = len(payload) > _EMPTY_CHARACTERS or _holds_something(json.loads(payload))
            files[f"{service}.json"] = content if holds else None
    return files


def _holds_something(state: Any) -> bool:
    if isinstance(state, dict) and any(state.get(mark) is True for mark in _SCOPED):
        return bool(state["data"])
    if isinstance(state, dict):
        return any(_holds_something(value) for value in state.values())
    return bool(state)


def _deploying() -> bool:
    """Whether a stack is changing in the background, after the request that began it was answered."""
    module = app._loaded_modules.get("cloudformation")
    stacks = module._stacks.values() if module is not None else []
    return any(str(stack.get("StackStatus", "")).endswith("IN_PROGRESS") for stack in stacks)

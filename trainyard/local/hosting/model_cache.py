"""Which of many models are loaded: each is brought once, stays while it answers, and the longest unused one goes first.

This is SageMaker's part of a multi-model endpoint: a container that answers 507 to a load has no memory left, and gets
one model after another taken away until the load succeeds ("Build your own container for SageMaker AI multi-model
endpoints" and "Invoke a multi-model endpoint", read 2026-11).
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from trainyard.local.api.errors import ServiceError
from trainyard.local.hosting.exchange import Figures, Reply

FULL = 507
"""HTTP status of a container without memory for another model."""
# "If the model does not finish loading before the 60 second timeout limit, … the model continues to download and load
# into the inference container for up to 360 seconds."
_LOAD_SECONDS = 360.0


class LoadError(Exception):
    """A model is not loaded; `reply` is what the container said."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Models(Protocol):
    """The models that a cache brings and takes away; called from several threads, never twice at once for a model."""

    def fetch(self, target: str) -> float | None:
        """Has a model's files on the disk; the seconds of the download, None when they were there.

        Raises:
            ServiceError: there is no such model, or it cannot be unpacked.
        """

    def load(self, target: str, seconds: float) -> Reply:
        """Loads a model; 200 when it is loaded, 507 when there is no memory for it."""

    def unload(self, target: str, seconds: float) -> None:
        """Takes a model away."""


@dataclass(kw_only=True)
class _Entry:
    state: Literal["loading", "ready", "leaving"] = "loading"
    users: int = 0
    """Requests that wait for it or that it works on: it stays while there are any."""
    used: float = 0.0
    """When it was asked last, on the monotonic clock."""
    error: Exception | None = None
    figures: list[tuple[str, float]] = field(default_factory=list)


class ModelCache:
    """The loaded models of one container; safe from any thread."""

    def __init__(self, models: Models, *, keep: bool) -> None:
        """Starts empty.

        Args:
            models: brings and takes them away.
            keep: whether a model stays loaded when nobody uses it (ModelCacheSetting).
        """
        self._models, self._keep = models, keep
        self._entries: dict[str, _Entry] = {}
        self._news = threading.Condition()
        # The container's memory is one: two loads at a time would take it from each other.
        self._loading = threading.Lock()
        self._loaded = float("-inf")

    def holds(self, target: str) -> bool:
        """Whether a model is loaded or being loaded."""
        entry = self._entries.get(target)
        return entry is not None and entry.state != "leaving"

    def loading_within(self, seconds: float) -> bool:
        """Whether a model is being loaded, or was until so long ago."""
        return self._loading.locked() or time.monotonic() - self._loaded < seconds

    @contextmanager
    def use(self, target: str, seconds: float) -> Iterator[Figures]:
        """Has a model loaded while the block lasts; what the wait for it was.

        Args:
            target: the model.
            seconds: longest wait.

        Raises:
            ServiceError: ModelNotReadyException after that time, or why there is no such model.
            LoadError: the container does not load it.
        """
        began = time.monotonic()
        entry, hit = self._join(target, began + seconds)
        try:
            self._wait(target, entry, began + seconds)
            with self._news:
                entry.used = time.monotonic()
                mine, entry.figures = entry.figures, []
            waited = () if hit else (("ModelLoadingWaitTime", time.monotonic() - began), *mine)
            yield (("ModelCacheHit", float(hit)), *waited)
        finally:
            self._leave(target, entry)

    def make_room(self, but: str) -> bool:
        """Takes the longest unused model away, other than one; whether there was any."""
        return self._evict(but) is not None

    def _join(self, target: str, deadline: float) -> tuple[_Entry, bool]:
        """The model's entry with one user more, and whether the model was there."""
        with self._news:
            while True:
                entry = self._entries.get(target)
                if entry is None:
                    # One user is the thread that brings it.
                    entry = self._entries[target] = _Entry(users=2)
                    thread = threading.Thread(target=self._bring, args=(target, entry), name=f"load {target}")
                    thread.daemon = True
                    thread.start()
                    return entry, False
                if entry.state != "leaving":
                    entry.users += 1
                    return entry, entry.state == "ready"
                if not self._news.wait(deadline - time.monotonic()):
                    raise _not_ready(target)

    def _wait(self, target: str, entry: _Entry, deadline: float) -> None:
        with self._news:
            self._news.wait_for(lambda: entry.state != "loading" or entry.error, deadline - time.monotonic())
            if entry.error is not None:
                raise entry.error
            if entry.state == "loading":
                raise _not_ready(target)

    def _leave(self, target: str, entry: _Entry) -> None:
        with self._news:
            entry.users -= 1
            self._news.notify_all()
            if self._keep or entry.users or entry.state != "ready":
                return
            entry.state = "leaving"
        self._remove(target)

    def _bring(self, target: str, entry: _Entry) -> None:
        try:
            seconds = self._models.fetch(target)
            if seconds is not None:
                entry.figures.append(("ModelDownloadingTime", seconds))
            with self._loading:
                try:
                    self._load(target, entry)
                finally:
                    self._loaded = time.monotonic()
            with self._news:
                entry.state, entry.used = "ready", time.monotonic()
                loaded = sum(found.state == "ready" for found in self._entries.values())
                entry.figures.append(("LoadedModelCount", float(loaded)))
                self._news.notify_all()
        except Exception as error:
            with self._news:
                # The next request tries again.
                entry.error = error
                del self._entries[target]
                self._news.notify_all()
        finally:
            self._leave(target, entry)

    def _load(self, target: str, entry: _Entry) -> None:
        deadline = time.monotonic() + _LOAD_SECONDS
        while True:
            began = time.monotonic()
            reply = self._models.load(target, deadline - began)
            if reply.status == 200:
                entry.figures.append(("ModelLoadingTime", time.monotonic() - began))
                return
            if reply.status != FULL:
                raise LoadError(reply)
            seconds = self._evict(target)
            if seconds is not None:
                entry.figures.append(("ModelUnloadingTime", seconds))
            elif not self._await_release(target, deadline):
                raise LoadError(reply)

    def _await_release(self, target: str, deadline: float) -> bool:
        """Waits until a loaded model is unused or gone; False when there is none, or none becomes so in time."""
        with self._news:

            def others() -> dict[str, _Entry]:
                return {name: one for name, one in self._entries.items() if name != target and one.state != "loading"}

            before = set(others())

            def changed() -> bool:
                unused = any(entry.state == "ready" and not entry.users for entry in others().values())
                return unused or not before <= set(others())

            return bool(before) and self._news.wait_for(changed, deadline - time.monotonic())

    def _evict(self, but: str) -> float | None:
        """Takes the longest unused model away; the seconds of it, None when every model is in use."""
        with self._news:
            unused = [
                (entry.used, name)
                for name, entry in self._entries.items()
                if name != but and entry.state == "ready" and not entry.users
            ]
            if not unused:
                return None
            _, victim = min(unused)
            self._entries[victim].state = "leaving"
        return self._remove(victim)

    def _remove(self, target: str) -> float:
        began = time.monotonic()
        try:
            self._models.unload(target, _LOAD_SECONDS)
        finally:
            with self._news:
                del self._entries[target]
                self._news.notify_all()
        return time.monotonic() - began


def _not_ready(target: str) -> ServiceError:
    return ServiceError(
        "ModelNotReadyException", f"Model {target} is being loaded. Try again soon: it goes on meanwhile.", 429
    )  # fmt: skip

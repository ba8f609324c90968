"""What serves under each name, and what is about to: the deployments beside each other, and whose turn a request is."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from trainyard.local.hosting.deployment import Deployment


class Fleets:
    """The deployments of all endpoints, or of all inference components."""

    def __init__(self) -> None:
        """None yet."""
        self.lock = threading.RLock()
        """Held while more than one thing changes that must be seen together."""
        self._live: dict[str, Deployment] = {}
        self._coming: dict[str, Deployment] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the cloud goes down: nothing else comes to serve."""
        with self.lock:
            return self._closed

    def live(self, name: str) -> Deployment | None:
        """What serves now, or None."""
        with self.lock:
            return self._live.get(name)

    def both(self, name: str) -> tuple[Deployment | None, Deployment | None]:
        """What serves, and what is about to, as they are at one moment."""
        with self.lock:
            return self._live.get(name), self._coming.get(name)

    def serving(self) -> list[tuple[str, Deployment]]:
        """Everything that serves now, by name."""
        with self.lock:
            return list(self._live.items())

    @contextmanager
    def answering(self, name: str) -> Iterator[Deployment | None]:
        """What serves now, or None; it does not end while the block lasts."""
        with self.lock:
            live, coming = self.both(name)
            # No request goes to a fleet that cannot answer, as a load balancer has it.
            if live is not None and coming is not None and random.random() < coming.share and coming.ready():  # noqa: S311
                live = coming
            if live is not None:
                live.enter()
        try:
            yield live
        finally:
            if live is not None:
                live.leave()

    def announce(self, name: str, deployment: Deployment) -> bool:
        """It is about to serve; False when the cloud goes down, and it shall not."""
        with self.lock:
            if not self._closed:
                self._coming[name] = deployment
            return not self._closed

    def withdraw(self, name: str, deployment: Deployment) -> None:
        """It is no longer about to."""
        with self.lock:
            if self._coming.get(name) is deployment:
                del self._coming[name]

    def replace(self, name: str, deployment: Deployment) -> Deployment | None:
        """It serves now; what did before is returned."""
        with self.lock:
            before, self._live[name] = self._live.get(name), deployment
            deployment.become("")
            return before

    def remove(self, name: str) -> list[Deployment]:
        """Nothing serves any more; what did, and what was about to, is returned."""
        with self.lock:
            live, coming = self._live.pop(name, None), self._coming.get(name)
            return [found for found in (coming, live) if found]

    def close(self) -> list[Deployment]:
        """The cloud goes down; all that runs is returned."""
        with self.lock:
            self._closed = True
            return [*self._live.values(), *self._coming.values()]

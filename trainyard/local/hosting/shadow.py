"""Copies of requests for shadow variants: what they answer nobody sees, and nothing waits for them.

Source: "Shadow tests", and ShadowProductionVariants of CreateEndpointConfig, read 2026-11: a shadow's
InitialVariantWeight beside the production variant's is the part of the requests that is copied.
"""

import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_WORKERS = 8
_WAITING = 256
"""Copies that may wait; those that come when as many do are dropped, so that a slow shadow costs nothing."""
_log = logging.getLogger(__name__)


class Shadows:
    """Sends copies from threads of its own."""

    def __init__(self) -> None:
        """Starts when the first copy comes."""
        self._workers: ThreadPoolExecutor | None = None
        self._room = threading.BoundedSemaphore(_WAITING)
        self._lock = threading.Lock()
        self._closed = False

    def copy(self, share: float, send: Callable[[], None]) -> bool:
        """Sends a copy now and then; whether it is sent.

        Args:
            share: part of the requests that is copied, 0 to 1.
            send: asks the shadow; called on another thread.
        """
        if share < 1 and random.random() >= share:  # noqa: S311 - a share of requests is no secret
            return False
        if not self._room.acquire(blocking=False):
            return False
        with self._lock:
            if self._closed:
                self._room.release()
                return False
            if self._workers is None:
                self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="shadow")
            self._workers.submit(self._send, send)
        return True

    def close(self) -> None:
        """Sends no more; waits for what is under way."""
        with self._lock:
            self._closed = True
            workers = self._workers
        if workers is not None:
            workers.shutdown(cancel_futures=True)

    def _send(self, send: Callable[[], None]) -> None:
        try:
            send()
        except Exception as error:
            _log.info("a copy for a shadow: %s", error)
        finally:
            self._room.release()


def share(weight: float, production: float) -> float:
    """The part of the requests that a shadow of that weight gets copies of."""
    return min(1.0, weight / production) if production > 0 else float(weight > 0)

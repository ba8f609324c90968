"""Pipe mode: a channel's objects through a named pipe, once an epoch, to a program that reads and reads again.

Source: "Amazon SageMaker AI training data input modes", Pipe mode, and "How your training algorithm reads input",
SageMaker Developer Guide, read 2026-11: /opt/ml/input/data/<channel>_<epoch>, epochs from 0, read one after the other.
"""

import errno
import os
import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from trainyard.local.transfer import Transfer, TransferError

_LOOK_SECONDS = 0.05


class Pipe:
    """Feeds one channel of one host, from a thread of its own."""

    def __init__(self, transfer: Transfer, bucket: str, keys: Sequence[str], path: Path, seed: int | None) -> None:
        """Makes the pipe of the first epoch, so that the program finds it at its start.

        Args:
            transfer: transfers with the job's role.
            bucket: bucket of the objects.
            keys: objects of an epoch, in their order.
            path: path of the pipes, without _<epoch>.
            seed: of the order of each epoch; None for the order of the keys.
        """
        self._transfer, self._bucket, self._keys, self._path, self._seed = transfer, bucket, keys, path, seed
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        os.mkfifo(self._name(0))

    def start(self, failed: Callable[[str], None]) -> None:
        """Starts to feed it.

        Args:
            failed: told when S3 cannot be read.
        """
        self._thread = threading.Thread(target=self._run, args=(failed,), name=f"pipe {self._path.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it; whoever still reads has ended."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _name(self, epoch: int) -> Path:
        return self._path.with_name(f"{self._path.name}_{epoch}")

    def _run(self, failed: Callable[[str], None]) -> None:
        epoch = 0
        while (descriptor := self._open(self._name(epoch))) is not None:
            # The next one exists before this one ends: a program that reads on finds it.
            os.mkfifo(self._name(epoch + 1))
            try:
                self._feed(descriptor, epoch)
            except TransferError as error:
                failed(f"{self._path.name}: {error}")
                return
            except BrokenPipeError:
                pass  # The program has read enough of this epoch.
            finally:
                os.close(descriptor)
            epoch += 1

    def _open(self, path: Path) -> int | None:
        """Waits for a reader; None when the job has ended first."""
        while not self._ended.wait(_LOOK_SECONDS):
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                # Nobody reads yet, or the host's folders are gone.
                if error.errno not in (errno.ENXIO, errno.ENOENT):
                    raise
                continue
            os.set_blocking(descriptor, True)
            return descriptor
        return None

    def _feed(self, descriptor: int, epoch: int) -> None:
        keys = list(self._keys)
        if self._seed is not None:
            random.Random(f"{self._seed} {epoch}").shuffle(keys)  # noqa: S311 - an order, no secret
        for key in keys:
            for chunk in self._transfer.read(self._bucket, key):
                view = memoryview(chunk)
                while view:
                    view = view[os.write(descriptor, view) :]

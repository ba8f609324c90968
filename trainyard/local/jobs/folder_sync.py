"""A folder of a job's hosts that is kept in step with S3 as SageMaker does: in time, in no order, deletes too."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from trainyard.local.transfer import Location, Transfer, TransferError

_log = logging.getLogger(__name__)
_SYNC_SECONDS = 2.0

_State = tuple[int, int]


class FolderSync:
    """Copies what changes in the hosts' folders to S3, from a thread of its own."""

    def __init__(self, what: str, transfer: Transfer, folders: Sequence[Path], target: Location, job: str) -> None:
        """Prepares it, and makes the folders.

        Args:
            what: what the folders hold, for messages.
            transfer: transfers with the job's role.
            folders: each host's folder.
            target: where to in S3; hosts share it.
            job: name of the job.
        """
        self.what = what
        self._transfer, self._folders, self._target = transfer, folders, target
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        self._seen: list[dict[str, _State]] = [{} for _ in folders]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{what} of {job}", daemon=True)

    def restore(self) -> int:
        """Brings what is in S3 into every folder; returns how many objects.

        Raises:
            TransferError: S3 cannot be read.
        """
        prefix = self._target.folder()
        if not self._transfer.has_objects(prefix):
            return 0
        self._transfer.download(prefix, self._folders)
        self._seen = [_scan(folder) for folder in self._folders]
        return len(self._seen[0])

    def start(self) -> None:
        """Starts to follow the folders."""
        self._thread.start()

    def close(self) -> None:
        """Copies what is left and ends the thread.

        Raises:
            TransferError: S3 cannot be written.
        """
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._sync()

    def _run(self) -> None:
        while not self._ended.wait(_SYNC_SECONDS):
            try:
                self._sync()
            except TransferError as error:
                # The last sync, when the job ends, tells the user.
                _log.warning("%s: %s", self.what, error)

    def _sync(self) -> None:
        for index, folder in enumerate(self._folders):
            seen, now = self._seen[index], _scan(folder)
            for name, state in now.items():
                if seen.get(name) != state and (folder / name).exists():
                    self._transfer.upload(folder / name, self._target / name)
                    seen[name] = state
            for name in set(seen) - set(now):
                self._transfer.delete(self._target / name)
                del seen[name]


def _scan(folder: Path) -> dict[str, _State]:
    found = {}
    for file in folder.rglob("*"):
        try:
            state = file.stat()
        except OSError:
            continue  # Gone since it was listed.
        if file.is_file():
            found[file.relative_to(folder).as_posix()] = (state.st_mtime_ns, state.st_size)
    return found

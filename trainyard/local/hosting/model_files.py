"""The files of many models on an instance's disk: fetched when they are asked for, removed when there is no room."""

import errno
import hashlib
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ml_contract.archive import unpack
from ml_contract.errors import ContractError
from trainyard.local.api.errors import ServiceError
from trainyard.local.transfer import Location

_CHUNK_BYTES = 1 << 20


class ModelFiles:
    """Unpacked archives by their names below one S3 prefix; one thread at a time for a name."""

    def __init__(
        self, client: Callable[[], Any], prefix: str, folder: Path, *, room: int | None, busy: Callable[[str], bool]
    ) -> None:
        """Starts empty.

        Args:
            client: gives the S3 client with a session of the model's role.
            prefix: s3:// address that the names follow.
            folder: where they go.
            room: bytes that all of them may take; None for the machine's disk.
            busy: whether a model's files are needed and must stay.
        """
        self._client, self._folder, self._room, self._busy = client, folder, room, busy
        self._prefix = Location.parse(prefix).folder()
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def key(target: str) -> str:
        """What the container calls a model: a name for a folder and a URL, which a target need not be."""
        return hashlib.sha256(target.encode()).hexdigest()[:32]

    def place(self, target: str) -> str:
        """A model's folder, relative to the folder of all."""
        return f"{self.key(target)}/model"

    def fetch(self, target: str) -> float | None:
        """Has a model's files there; the seconds of the download, None when they were there.

        Raises:
            ServiceError: ValidationError when the archive cannot be read or is damaged, InternalFailure without room.
        """
        with self._lock:
            if target in self._sizes:
                self._sizes.move_to_end(target)
                return None
        began = time.monotonic()
        try:
            size = self._unpacked(target)
            while self._room is not None and size + sum(self._sizes.values()) > self._room:
                self._make_room(OSError(errno.ENOSPC, "the volume is full (VolumeSizeInGB)"))
        except OSError as error:
            self._remove(target)
            raise ServiceError("InternalFailure", f"Model {target} cannot be stored: {error}", 500) from error
        with self._lock:
            self._sizes[target] = size
        return time.monotonic() - began

    def _unpacked(self, target: str) -> int:
        """Downloads and unpacks an archive; the bytes that it takes."""
        while True:
            try:
                return self._brought(target, self._folder / self.place(target))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                self._make_room(error)

    def _brought(self, target: str, folder: Path) -> int:
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.parent.mkdir(parents=True)
        archive = folder.parent / "model.tar.gz"
        self._download(Location(bucket=self._prefix.bucket, key=f"{self._prefix.key}{target}"), archive)
        try:
            unpack(archive, folder)
        except ContractError as error:
            self._remove(target)
            raise ServiceError("ValidationError", f"Failed to extract model data archive {target}: {error}") from error
        archive.unlink()
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    def _download(self, source: Location, file: Path) -> None:
        try:
            body = self._client().get_object(Bucket=source.bucket, Key=source.key)["Body"]
            with file.open("wb") as out:
                for chunk in body.iter_chunks(_CHUNK_BYTES):
                    out.write(chunk)
        except (ClientError, BotoCoreError) as error:
            shutil.rmtree(file.parent, ignore_errors=True)
            # AWS's own words for a TargetModel that is not there.
            raise ServiceError(
                "ValidationError",
                f"Failed to download model data(bucket: {source.bucket}, key: {source.key}). Please ensure that there "
                "is an object located at the URL and that the role passed to CreateModel has permissions to download "
                "the model.",
            ) from error

    def _make_room(self, full: OSError) -> None:
        """Removes the longest unused files that nobody needs.

        Raises:
            OSError: `full`, when there are none.
        """
        with self._lock:
            unused = next((target for target in self._sizes if not self._busy(target)), None)
            if unused is None:
                raise full
            del self._sizes[unused]
        self._remove(unused)

    def _remove(self, target: str) -> None:
        shutil.rmtree(self._folder / self.key(target), ignore_errors=True)

"""Model data on its way from S3 to an endpoint, read with the model's execution role."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from trainyard.local.api.errors import ServiceError
from trainyard.local.transfer import Location, Transfer, TransferError

_CHUNK_BYTES = 1 << 20
_PAUSE_SECONDS = 0.5


class ArtifactError(Exception):
    """Model data cannot be had; the message is for FailureReason."""


def fetch(client: Callable[[], Any], uri: str, target: Path, seconds: float, cancelled: Callable[[], bool]) -> None:
    """Brings an object into a file, which is there when it is whole.

    Args:
        client: gives the S3 client with a session of the role.
        uri: s3://bucket/key.
        target: the file.
        seconds: longest time for it.
        cancelled: asked between two parts.

    Raises:
        ArtifactError: it cannot be read, or not in time.
    """
    if target.exists():
        return
    deadline = time.monotonic() + seconds
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    while True:
        try:
            _copy(client(), Location.parse(uri), unfinished, deadline, cancelled)
            unfinished.replace(target)
            return
        except HTTPClientError as error:
            # The cloud itself is starting: endpoints come back before it answers requests.
            if time.monotonic() > deadline or cancelled():
                raise ArtifactError(f"{_failed(uri)} ({error})") from error
            time.sleep(_PAUSE_SECONDS)
        except (ClientError, BotoCoreError, ServiceError) as error:
            raise ArtifactError(f"{_failed(uri)} ({error})") from error


def fetch_tree(client: Callable[[], Any], uri: str, target: Path, role: str) -> None:
    """Brings every object below a prefix into a folder, which is there when it is whole.

    Args:
        client: gives the S3 client with a session of the role.
        uri: s3://bucket/prefix/.
        target: the folder.
        role: ARN of the role, for messages.

    Raises:
        ArtifactError: one of them cannot be read, or there are none.
    """
    if target.exists():
        return
    unfinished = target.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        Transfer(client(), role).download(Location.parse(uri), [unfinished])
    except (TransferError, ServiceError) as error:
        raise ArtifactError(f"{_failed(uri)} ({error})") from error
    unfinished.rename(target)


def _copy(client: Any, source: Location, file: Path, deadline: float, cancelled: Callable[[], bool]) -> None:
    body = client.get_object(Bucket=source.bucket, Key=source.key)["Body"]
    with file.open("wb") as out:
        for chunk in body.iter_chunks(_CHUNK_BYTES):
            out.write(chunk)
            if cancelled():
                raise ArtifactError("cancelled")
            if time.monotonic() > deadline:
                raise ArtifactError(
                    f"Model data {source} was not downloaded in time (ModelDataDownloadTimeoutInSeconds)."
                )


def _failed(uri: str) -> str:
    return (
        f"Failed to download model data from URL: {uri!r}. Please ensure that there is an object located at the URL "
        "and that the role passed to CreateModel has permissions to download the object."
    )

"""Objects between S3 and folders, with the credentials of a role."""

import json
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trainyard.local.transfer.errors import TransferError, transfer_error
from trainyard.local.transfer.location import Location

_WORKERS = 4
_ATTEMPTS = 3


class Transfer:
    """Reads and writes objects for one role."""

    def __init__(self, client: Any, role_arn: str, kms_key: str | None = None) -> None:
        """Wraps a client.

        Args:
            client: S3 client with a session of the role.
            role_arn: the role, for messages.
            kms_key: key that uploads are encrypted with; None leaves it to the bucket.
        """
        self._client = client
        self._role = role_arn
        self._extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}

    def find(self, source: Location) -> dict[str, str]:
        """The objects whose key starts with a prefix: key → path below the folder they go to, sorted by key.

        Raises:
            TransferError: the bucket cannot be listed, nothing is there, or two objects would become one file.
        """
        names = {key: _relative(key, source.key) for key in self._keys(source) if not key.endswith("/")}
        if not names:
            raise TransferError(
                f"No S3 objects found under S3 URL {str(source)!r}. Check that the bucket and the objects exist."
            )
        if len(set(names.values())) < len(names):
            raise TransferError(
                f"Two objects under {str(source)!r} would become one file. End the prefix with a slash."
            )
        return names

    def listing(self, source: Location, *, manifest: bool = False) -> tuple[str, dict[str, str]]:
        """The bucket and the objects of a prefix as `find` gives them or, with `manifest`, those that a manifest names.

        A manifest is a JSON list of {"prefix": "s3://…"} and what follows that prefix, object by object; the objects
        keep its order, and become files at what follows the prefix.

        Raises:
            TransferError: S3 cannot be read, or the manifest is none.
        """
        if not manifest:
            return source.bucket, self.find(source)
        text = b"".join(self.read(source.bucket, source.key))
        try:
            first, *names = json.loads(text)
            prefix = Location.parse(first["prefix"])
            if not names or not all(isinstance(name, str) for name in names):
                raise ValueError("it names no object")
        except (ValueError, TypeError, KeyError, AssertionError) as error:
            raise TransferError(
                f"{source} is no manifest ({error}). Write a JSON list like "
                '[{"prefix": "s3://bucket/folder/"}, "name", …].'
            ) from error
        return prefix.bucket, {f"{prefix.key}{name}": name.lstrip("/") for name in names}

    def read(self, bucket: str, key: str) -> Iterator[bytes]:
        """The content of an object, piece by piece.

        Raises:
            TransferError: it cannot be read.
        """
        try:
            yield from self._client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20)
        except (ClientError, BotoCoreError) as error:
            raise transfer_error(error, self._role, bucket, key) from error

    def has_objects(self, source: Location) -> bool:
        """Whether there is any object whose key starts with a prefix.

        Raises:
            TransferError: the bucket cannot be listed.
        """
        return any(not key.endswith("/") for key in self._keys(source))

    def download(
        self, source: Location, folders: Sequence[Path], *, sharded: bool = False, manifest: bool = False
    ) -> None:
        """Brings the objects of a prefix, or of a manifest, into every folder, or with `sharded` a share into each.

        Raises:
            TransferError: something could not be read or written.
        """
        bucket, names = self.listing(source, manifest=manifest)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        keys = list(names)
        shares = [keys[index :: len(folders)] for index in range(len(folders))] if sharded else [keys]
        jobs = [(bucket, key, folders[index], names[key]) for index, share in enumerate(shares) for key in share]
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="download") as pool:
            list(pool.map(lambda job: self._get(*job), jobs))
        if not sharded:
            for folder in folders[1:]:
                # Each host may write to its own copy.
                shutil.copytree(folders[0], folder, dirs_exist_ok=True)

    def upload(self, file: Path, target: Location) -> None:
        """Writes one file.

        Raises:
            TransferError: it could not be written.
        """
        try:
            self._client.upload_file(str(file), target.bucket, target.key, ExtraArgs=self._extra)
        except Exception as error:  # S3UploadFailedError hides the ClientError in its text and its context.
            raise transfer_error(error, self._role, target.bucket, target.key) from error

    def upload_tree(self, folder: Path, target: Location) -> int:
        """Writes every file below a folder; returns how many.

        Raises:
            TransferError: one could not be written.
        """
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="upload") as pool:
            list(pool.map(lambda file: self.upload(file, target / file.relative_to(folder).as_posix()), files))
        return len(files)

    def delete(self, target: Location) -> None:
        """Removes an object.

        Raises:
            TransferError: it could not be removed.
        """
        try:
            self._client.delete_object(Bucket=target.bucket, Key=target.key)
        except (ClientError, BotoCoreError) as error:
            raise transfer_error(error, self._role, target.bucket, target.key) from error

    def _keys(self, source: Location) -> list[str]:
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=source.key)
            return sorted(row["Key"] for page in pages for row in page.get("Contents", []))
        except (ClientError, BotoCoreError) as error:
            raise transfer_error(error, self._role, source.bucket, "") from error

    def _get(self, bucket: str, key: str, folder: Path, name: str) -> None:
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise TransferError(f"s3://{bucket}/{key} would be written outside its folder. Rename the object.")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    self._write(file, bucket, key)
                    return
                except BotoCoreError:
                    # The client retries requests, but not a body that breaks off.
                    if attempt == _ATTEMPTS:
                        raise
        except (ClientError, BotoCoreError) as error:
            raise transfer_error(error, self._role, bucket, key) from error
        except OSError as error:
            raise TransferError(f"s3://{bucket}/{key} cannot become the file {name!r}: {error.strerror}.") from error

    def _write(self, file: Path, bucket: str, key: str) -> None:
        body = self._client.get_object(Bucket=bucket, Key=key)["Body"]
        with file.open("wb") as out:
            for chunk in body.iter_chunks(1 << 20):
                out.write(chunk)


def _relative(key: str, prefix: str) -> str:
    """An object's path below its channel: what follows the prefix, or the last folder of the prefix."""
    if prefix and not prefix.endswith("/") and key.startswith(f"{prefix}/"):
        return key[len(prefix) + 1 :]
    return key[prefix.rfind("/") + 1 :]

"""Reads of ranges from S3 by a few threads, with time-outs, and with backoff between tries.

botocore signs an address once for many ranges and urllib3 asks for them: a third of the processor time of boto3's
get_object (docs/decisions/0007), with time-outs, which s3torchconnector's client does not have.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import boto3
import urllib3
from botocore import exceptions
from botocore.config import Config

from training_code.checkpoint.s3_retries import LONGEST_PAUSE_S, TRANSIENT_CODES, code

Result = TypeVar("Result")
CONNECT_S = 5.0
SIGNED_S, SIGNED_AGAIN_S = 3600, 300
"""How long a signed address is good for, and when a new one is made; credentials are renewed 10 minutes before their
end."""
_PERMISSIONS = {"ListObjectsV2": "s3:ListBucket"}
_FAILURES = (exceptions.BotoCoreError, exceptions.ClientError, urllib3.exceptions.HTTPError, OSError)


class StreamError(RuntimeError):
    """S3 refused, or stayed silent at every try. The message is one line: URI, action, tries, cause and way out."""


class Refused(OSError):
    """An answer that is not the content."""

    def __init__(self, status: int, body: str) -> None:
        found = re.search("<Code>(.*?)</Code>", body)
        self.status, self.code = status, found.group(1) if found else str(status)
        super().__init__(f"{self.code} (HTTP {status})")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How much of S3 a read puts up with."""

    attempts: int = 6
    """Tries of one request."""
    backoff_s: float = 0.25
    """Longest pause before the second try; it doubles with every further one, up to 8 s."""
    stall_s: float = 20.0
    """Silence after which a try is given up."""


class Try(Generic[Result]):
    """One request and its tries, done in a thread."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self.work = work
        self.begun, self.done = threading.Event(), threading.Event()
        self.result: Result | None = None
        self.error: Exception | None = None


class Reads:
    """Requests of one process, a few at a time."""

    def __init__(self, patience: Patience, *, concurrency: int) -> None:
        self._patience = patience
        # A name such as 127.0.0.1 has no bucket subdomains.
        custom = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        self.client = boto3.client(
            "s3",
            config=Config(
                signature_version="s3v4", connect_timeout=CONNECT_S, read_timeout=patience.stall_s,
                retries={"mode": "standard", "total_max_attempts": 1},
                s3={"addressing_style": "path" if custom else "auto"},
            ),
        )  # fmt: skip
        self._pool = urllib3.PoolManager(
            maxsize=concurrency, timeout=urllib3.Timeout(connect=CONNECT_S, read=patience.stall_s), retries=False,
            cert_reqs="CERT_REQUIRED", ca_certs=os.environ.get("AWS_CA_BUNDLE"),
        )  # fmt: skip
        self._signed: dict[tuple[str, str], tuple[float, str]] = {}
        self._signing = threading.Lock()
        self._waiting: deque[Try[Any]] = deque()
        self._changed = threading.Condition()
        for _ in range(concurrency):
            self._hire(stays=True)

    def start(self, work: Callable[[], Result], action: str, place: str, *, first: bool = False) -> Try[Result]:
        """Have ``work`` done in a thread, as often as it takes: after all that waits, or before it.

        Args:
            work: One try.
            action: Name of the S3 operation, for messages.
            place: URI, for messages.
            first: Before what waits.
        """
        attempt = Try(lambda: self.persist(work, action, place))
        with self._changed:
            (self._waiting.appendleft if first else self._waiting.append)(attempt)
            self._changed.notify()
        return attempt

    def forget(self, attempt: Try[Any]) -> None:
        """What ``attempt`` was for is not wanted any more."""
        with self._changed:
            if attempt in self._waiting:
                self._waiting.remove(attempt)

    def result(self, attempt: Try[Result]) -> Result:
        """What ``attempt`` brought. Raises as :meth:`persist` does."""
        while not attempt.begun.wait(self._patience.stall_s):
            # Every thread sits in a request that stalls; what they wait for may not be wanted before this.
            self._hire(stays=False)
        attempt.done.wait()
        if attempt.error is not None:
            raise attempt.error
        return cast(Result, attempt.result)

    def persist(self, work: Callable[[], Result], action: str, place: str) -> Result:
        """Try until it succeeds.

        Raises:
            StreamError: Denied, refused, or failing at the last try.
            FileNotFoundError: There is no such object.
        """
        for number in range(1, self._patience.attempts + 1):
            try:
                return work()
            except _FAILURES as error:
                if not _passes(error) or number == self._patience.attempts:
                    raise _explained(action, place, error, number) from error
            pause = min(LONGEST_PAUSE_S, self._patience.backoff_s * 2 ** (number - 1))
            time.sleep(random.uniform(0, pause))  # noqa: S311
        raise AssertionError("unreachable")

    def get(self, bucket: str, key: str, start: int | None = None, length: int = 0) -> bytes:
        """One try to get an object, or ``length`` bytes of it from byte ``start``."""
        headers = {} if start is None else {"Range": f"bytes={start}-{start + length - 1}"}
        answer = self._pool.request("GET", self._address(bucket, key), headers=headers)
        if answer.status not in (200, 206):
            if answer.status in (400, 403):
                # The credentials that signed it may have ended.
                self._signed.pop((bucket, key), None)
            raise Refused(answer.status, answer.data.decode(errors="replace"))
        if start is not None and len(answer.data) != length:
            raise OSError(f"got {len(answer.data)} bytes from byte {start}, where {length} were asked for")
        return answer.data

    def _address(self, bucket: str, key: str) -> str:
        now = time.monotonic()
        with self._signing:
            made, address = self._signed.get((bucket, key), (-SIGNED_AGAIN_S - 1.0, ""))
            if now - made > SIGNED_AGAIN_S:
                address = self.client.generate_presigned_url(
                    "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=SIGNED_S
                )
                self._signed[bucket, key] = now, address
        return address

    def _hire(self, *, stays: bool) -> None:
        threading.Thread(target=self._serve, args=(stays,), name="s3-read", daemon=True).start()

    def _serve(self, stays: bool) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if not stays:
                        return
                    self._changed.wait()
                attempt = self._waiting.popleft()
            attempt.begun.set()
            try:
                attempt.result = attempt.work()
            except Exception as error:
                attempt.error = error
            attempt.done.set()


def _passes(error: Exception) -> bool:
    """Whether another try may succeed."""
    if isinstance(error, exceptions.ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    elif isinstance(error, Refused):
        status = error.status
    else:
        return not isinstance(error, exceptions.NoCredentialsError | exceptions.NoRegionError)
    return status >= 500 or status == 429 or _name(error) in TRANSIENT_CODES | {"ExpiredToken", "RequestExpired"}


def _name(error: Exception) -> str:
    return error.code if isinstance(error, Refused) else code(error)


def _explained(action: str, place: str, error: Exception, tries: int) -> Exception:
    name = _name(error)
    if name in ("NoSuchKey", "404"):
        return FileNotFoundError(f"{place}: {action} found no such object ({name})")
    if name == "NoSuchBucket":
        return StreamError(f"{place}: {action} found no such bucket. Correct loading.stream_uri.")
    if name in ("AccessDenied", "403", "AllAccessDisabled"):
        permission = _PERMISSIONS.get(action, f"s3:{action}")
        return StreamError(f"{place}: {action} was denied ({name}). Allow {permission} there for the job's role.")
    times = f" {tries} times" if tries > 1 else ""
    # urllib3 puts the pool's address before the cause, and signed addresses belong into no log.
    cause = re.sub(r"\?\S+", "?…", " ".join(str(error).split()))
    return StreamError(
        f"{place}: {action} failed{times}: {type(error).__name__}: {cause}. Check the way to S3 (its endpoint, in"
        " a private subnet), then start the job again: it goes on from its last checkpoint."
    )

"""Which failures of S3 are worth another try, and the one error when there is none left."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from botocore import exceptions
from urllib3.exceptions import HTTPError

from ml_contract.checkpoint.errors import ObjectMissingError, StorageError

Result = TypeVar("Result")

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; 5xx are tried again whatever their code.
TRANSIENT_CODES = frozenset(
    (
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        # Bytes were damaged on their way: another try sends them anew.
        "BadDigest",
        # Two conditional writes met (409): S3 asks to try again.
        "ConditionalRequestConflict",
        "OperationAborted",
    )
)
BROKEN_CONNECTION = (
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    HTTPError,
    ConnectionError,
    TimeoutError,
)
LONGEST_PAUSE_S = 8.0
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html, where they differ.
PERMISSIONS = {
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
}


def code(error: BaseException) -> str:
    """S3's error code, or the exception's name."""
    response: Any = getattr(error, "response", None)
    return str(response["Error"].get("Code", "")) if isinstance(response, dict) else type(error).__name__


def transient(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later."""
    if isinstance(error, exceptions.ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return status >= 500 or status == 429 or code(error) in TRANSIENT_CODES
    return isinstance(error, BROKEN_CONNECTION)


class Retries:
    """Tries a request up to ``attempts`` times with exponential backoff and full jitter."""

    def __init__(self, attempts: int, backoff_s: float) -> None:
        self._attempts, self._backoff_s = attempts, backoff_s

    def call(self, action: str, place: str, request: Callable[[], Result]) -> Result:
        """The answer of ``request``.

        Args:
            action: Name of the S3 operation, for messages.
            place: s3://bucket/key, for messages.
            request: Called once a try.

        Raises:
            ObjectMissingError: There is no such key or upload.
            StorageError: Not allowed, refused, or still failing at the last try.
        """
        for attempt in range(1, self._attempts + 1):
            try:
                return request()
            except (exceptions.BotoCoreError, exceptions.ClientError, HTTPError, OSError) as error:
                self.failed(action, place, error, attempt)
        raise AssertionError("unreachable")

    def failed(self, action: str, place: str, error: Exception, attempt: int) -> None:
        """Pause before the next try, or raise what the user is to read."""
        if transient(error) and attempt < self._attempts:
            time.sleep(random.uniform(0, min(LONGEST_PAUSE_S, self._backoff_s * 2 ** (attempt - 1))))  # noqa: S311
            return
        raise _explained(action, place, error, attempt) from error


def _explained(action: str, place: str, error: Exception, attempt: int) -> StorageError:
    name = code(error)
    if name in ("NoSuchKey", "404", "NoSuchUpload", "NotFound"):
        return ObjectMissingError(f"{place}: {action} found no such object ({name})")
    if name in ("AccessDenied", "403", "Forbidden", "AllAccessDisabled"):
        permission = f"s3:{PERMISSIONS.get(action, action)}"
        return StorageError(f"{place}: {action} was denied ({name}). Allow {permission} there for the job's role.")
    if name == "NoSuchBucket":
        return StorageError(f"{place}: {action} found no such bucket. Check checkpoint_uri.")
    tries = f" {attempt} times" if attempt > 1 else ""
    return StorageError(f"{place}: {action} failed{tries}: {name}: {' '.join(str(error).split())}")

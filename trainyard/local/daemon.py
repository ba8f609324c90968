"""What the daemon answers over HTTP, asked without an SDK."""

from __future__ import annotations

import errno
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

HEALTH_PATH = "/_trainyard/health"
_HEALTH_SECONDS = 10.0
_CALL_SECONDS = 60.0


class CloudError(RuntimeError):
    """The cloud cannot do what was asked. The message is one line meant for a user."""


class NoAnswer(Exception):
    """Something listens, and does not answer as a cloud does."""


def health(endpoint_url: str) -> dict[str, Any] | None:
    """What the daemon says of itself; None when nothing listens.

    Raises:
        NoAnswer: what listens is another program, or a daemon that starts or hangs.
    """
    try:
        with urllib.request.urlopen(endpoint_url + HEALTH_PATH, timeout=_HEALTH_SECONDS) as answer:
            return dict(json.load(answer))
    except urllib.error.URLError as error:
        if isinstance(error.reason, OSError) and error.reason.errno == errno.ECONNREFUSED:
            return None
        raise NoAnswer from error
    except (OSError, ValueError, TypeError) as error:
        raise NoAnswer from error


def call(endpoint_url: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Calls an operation of the cloud's own service as its administrator.

    Raises:
        CloudError: the cloud is not running, or refuses the request.
    """
    # The emulator takes the administrator's key without checking a signature.
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"Trainyard.{operation}",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/trainyard/aws4_request, "
        "SignedHeaders=host, Signature=0",
    }
    sent = urllib.request.Request(endpoint_url, json.dumps(request).encode(), headers)
    try:
        with urllib.request.urlopen(sent, timeout=_CALL_SECONDS) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        raise CloudError(_message(error)) from None
    except OSError:
        raise CloudError(f"no cloud at {endpoint_url}. Start it with `trainyard local up`") from None


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError):
        return f"the cloud answered HTTP {error.code}"

"""Faults of S3 on request: errors and silence for chosen operations on chosen keys."""

from __future__ import annotations

import asyncio
import logging
import urllib.parse
import uuid
from xml.sax.saxutils import escape

from ministack.app import _extract_s3_vhost_bucket
from ministack.core import router

from trainyard.local.faults import Fault, Faults
from trainyard.local.hooks import s3_requests
from trainyard.local.hooks.gateway import Receive, Scope, Send

_log = logging.getLogger(__name__)


class S3Faults:
    """Answers S3 requests with the faults that somebody asked for."""

    def __init__(self, faults: Faults) -> None:
        """Composes the hook over the registry of faults."""
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answers a request with a fault; false when there is none for it."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = urllib.parse.parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if router.detect_service(scope["method"], scope["path"], headers, query) != "s3":
            return False
        bucket, key = _object(scope["path"], headers)
        name = s3_requests.operation(scope["method"], bucket, key, query, headers)
        fault = self._faults.match_s3(bucket, key, name)
        if fault is None:
            return False
        _log.info("fault %s strikes %s on %s/%s", fault.id, name, bucket, key)
        if await _client_waits(receive, fault.delay_seconds):
            await _answer(send, fault, scope["path"])
        return True


def _object(path: str, headers: dict[str, str]) -> tuple[str, str]:
    bucket = _extract_s3_vhost_bucket(headers.get("host", ""))
    if bucket:
        return bucket, path.lstrip("/")
    first, _, rest = path.lstrip("/").partition("/")
    return first, rest


async def _client_waits(receive: Receive, seconds: float) -> bool:
    """Takes the request's body, as S3 does before it fails, then lets time pass; false when the client gave up."""
    while (message := await receive())["type"] == "http.request":
        if not message.get("more_body", False):
            break
    if message["type"] == "http.disconnect":
        return False
    if seconds <= 0:
        return True
    gone = asyncio.ensure_future(receive())
    try:
        done, _ = await asyncio.wait({gone}, timeout=seconds)
        return not done
    finally:
        gone.cancel()


async def _answer(send: Send, fault: Fault, resource: str) -> None:
    message = f"Injected fault {fault.id}: {fault.error_code}"
    reference = uuid.uuid4().hex
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(fault.error_code)}</Code><Message>{escape(message)}</Message>"
        f"<Resource>{escape(resource)}</Resource><RequestId>{reference}</RequestId></Error>"
    ).encode()
    headers = [
        (b"content-type", b"application/xml"),
        (b"content-length", str(len(body)).encode()),
        (b"x-amz-request-id", reference.encode()),
    ]
    await send({"type": "http.response.start", "status": fault.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""Request metrics of S3: buckets' metrics configurations, and what they send to CloudWatch.

Names, units and dimensions: "Amazon S3 CloudWatch request metrics" and "Amazon S3 dimensions" (metrics and dimensions,
Amazon S3 User Guide, read 2026-11-22). Each request is a sample: the average of 5xxErrors is their share. Of the
metrics there are the numbers of requests, of errors, and the latency; the others are not sent.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from ministack.app import _extract_s3_vhost_bucket
from ministack.services import cloudwatch, s3

from trainyard.local.api.store import Document, Store
from trainyard.local.hooks.gateway import Scope, Send
from trainyard.local.hooks.replies import Reply, s3_error

_KIND = "BucketMetrics"
_NAMESPACE = "AWS/S3"
_FLUSH_SECONDS = 1.0
_MOST = 1000
"""Metrics configurations that a bucket may have ("PutBucketMetricsConfiguration", API reference, read 2026-11-22)."""
_OF_METHOD = {"GET": "GetRequests", "PUT": "PutRequests", "DELETE": "DeleteRequests", "HEAD": "HeadRequests",
              "POST": "PostRequests"}  # fmt: skip
_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
_Figure = tuple[str, str, str]
"""Bucket, filter, metric."""


class S3Metrics:
    """Keeps the configurations and counts the requests that they are about."""

    def __init__(self, store: Store) -> None:
        """Loads what `store` holds."""
        self._store = store
        self._filters: dict[str, dict[str, str]] = {}
        for row in store.list(_KIND):
            self._filters.setdefault(row["Bucket"], {})[row["Id"]] = row["Prefix"]
        self._figures: dict[_Figure, dict[str, float]] = {}

    def install(self) -> None:
        """Lets the emulator serve the sub-resource, and forget it with its bucket."""
        original: Callable[..., Reply] = s3._dispatch
        delete: Callable[..., Reply] = s3._delete_bucket

        @functools.wraps(original)
        def dispatch(
            method: str, bucket: str, key: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
        ) -> Reply:
            if "metrics" in query and bucket and not key and bucket in s3._buckets:
                return self._serve(method, bucket, body, query)
            return original(method, bucket, key, headers, body, query)

        @functools.wraps(delete)
        def forget(name: str, *arguments: Any, **options: Any) -> Reply:
            answer = delete(name, *arguments, **options)
            if name not in s3._buckets:
                for identity in list(self._filters.get(name, {})):
                    self._remove(name, identity)
            return answer

        s3._dispatch, s3._delete_bucket = dispatch, forget

    def measured(self, scope: Scope, send: Send) -> Send:
        """What a request's answer goes through: it is counted where its bucket has a filter for its key."""
        if not self._filters:
            return send
        headers = {name: value for name, value in scope["headers"] if name == b"host"}
        bucket = _extract_s3_vhost_bucket(headers.get(b"host", b"").decode("latin-1"))
        key = scope["path"].lstrip("/")
        if not bucket:
            bucket, _, key = key.partition("/")
        filters = [name for name, prefix in self._filters.get(bucket, {}).items() if key.startswith(prefix)]
        if not filters:
            return send
        began = time.monotonic()
        listing = scope["method"] == "GET" and not key

        async def watch(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                seconds = time.monotonic() - began
                for name in filters:
                    self._count(bucket, name, scope["method"], message["status"], seconds, listing=listing)
            await send(message)

        return watch

    def _count(self, bucket: str, name: str, method: str, status: int, seconds: float, *, listing: bool) -> None:
        figures = {
            "AllRequests": 1.0,
            "4xxErrors": float(400 <= status < 500),
            "5xxErrors": float(status >= 500),
            "TotalRequestLatency": seconds * 1000,
        }
        kind = "ListRequests" if listing else _OF_METHOD.get(method)
        if kind:
            figures[kind] = 1.0
        if not self._figures:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self._flush)
        for metric, value in figures.items():
            found = self._figures.setdefault(
                (bucket, name, metric), {"SampleCount": 0.0, "Sum": 0.0, "Minimum": value, "Maximum": value}
            )
            found["SampleCount"] += 1
            found["Sum"] += value
            found["Minimum"] = min(found["Minimum"], value)
            found["Maximum"] = max(found["Maximum"], value)

    def _flush(self) -> None:
        figures, self._figures = self._figures, {}
        now = time.time()
        for (bucket, name, metric), statistic in figures.items():
            unit = "Milliseconds" if metric == "TotalRequestLatency" else "Count"
            dimensions = {"BucketName": bucket, "FilterId": name}
            cloudwatch._store_datum(_NAMESPACE, metric, dimensions, now, unit, None, None, None, statistic)

    def _serve(self, method: str, bucket: str, body: bytes, query: Mapping[str, Any]) -> Reply:
        filters = self._filters.get(bucket, {})
        identity = (query.get("id") or [""])[0]
        if method == "GET" and not identity:
            rows = "".join(_xml(name, prefix) for name, prefix in sorted(filters.items()))
            return _answer(f"<IsTruncated>false</IsTruncated>{rows}", "ListMetricsConfigurationsResult")
        if method == "PUT":
            return self._put(bucket, identity, body)
        if identity not in filters:
            return s3_error("NoSuchConfiguration", "The specified configuration does not exist.", 404)
        if method == "DELETE":
            self._remove(bucket, identity)
            return 204, {}, b""
        return _answer(_members(identity, filters[identity]), "MetricsConfiguration")

    def _put(self, bucket: str, identity: str, body: bytes) -> Reply:
        try:
            document = ElementTree.fromstring(body)  # noqa: S314  (expat expands nothing that would grow)
        except ElementTree.ParseError:
            return s3_error("MalformedXML", "The XML that you provided was not well formed.", 400)
        chosen = document.find(f"{{{_XMLNS}}}Filter")
        parts = {part.tag.rpartition("}")[2]: part.text or "" for part in (chosen if chosen is not None else ())}
        if set(parts) - {"Prefix"}:
            message = f"Filter: the embedded cloud filters requests by Prefix, and not by {', '.join(sorted(parts))}"
            return s3_error("NotImplemented", message, 501)
        named = document.findtext(f"{{{_XMLNS}}}Id", "")
        if not identity or named != identity:
            return s3_error("InvalidArgument", "Id: the one in the request and the one in the document differ.", 400)
        mine = self._filters.setdefault(bucket, {})
        if identity not in mine and len(mine) >= _MOST:
            return s3_error("TooManyConfigurations", f"A bucket has at most {_MOST} metrics configurations.", 400)
        self._remove(bucket, identity)
        self._filters.setdefault(bucket, {})[identity] = parts.get("Prefix", "")
        row: Document = {"Bucket": bucket, "Id": identity, "Prefix": parts.get("Prefix", "")}
        self._store.insert(_KIND, f"{bucket}/{identity}", row)
        return 200, {}, b""

    def _remove(self, bucket: str, identity: str) -> None:
        self._filters.get(bucket, {}).pop(identity, None)
        if not self._filters.get(bucket):
            self._filters.pop(bucket, None)
        self._store.delete(_KIND, f"{bucket}/{identity}")


def _members(name: str, prefix: str) -> str:
    chosen = f"<Filter><Prefix>{escape(prefix)}</Prefix></Filter>" if prefix else ""
    return f"<Id>{escape(name)}</Id>{chosen}"


def _xml(name: str, prefix: str) -> str:
    return f"<MetricsConfiguration>{_members(name, prefix)}</MetricsConfiguration>"


def _answer(content: str, root: str) -> Reply:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{_XMLNS}">{content}</{root}>'
    return 200, {"Content-Type": "application/xml"}, text.encode()

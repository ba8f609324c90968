"""Data capture: what endpoints are asked and answer, as JSON lines in S3.

Sources, read 2026-11: "Capture data from real-time endpoint" (layout ENDPOINT/VARIANT/yyyy/mm/dd/hh/NAME.jsonl below
DestinationS3Uri, sampling, base64 unless a content type is listed as CSV or JSON), DataCaptureConfig, and the samples
of captured lines in aws/amazon-sagemaker-examples.
"""

import base64
import json
import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trainyard.local.api.errors import ServiceError
from trainyard.local.hosting.exchange import Question, Reply
from trainyard.local.hosting.flusher import Flusher
from trainyard.local.transfer import Location

_FLUSH_SECONDS = 2.0
_LONGEST_FILE_LINES = 1000
_VERSION = "0"
_LISTS = {"CSV": "CsvContentTypes", "JSON": "JsonContentTypes"}
_log = logging.getLogger(__name__)
_File = tuple[str, str, str, str]
"""Role, destination, key, name or ARN of a KMS key."""


class Capture:
    """Collects lines and writes them from a thread of its own, which waits while there are none."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        """Starts when the first line comes.

        Args:
            client: gives the S3 client of a role; called on the thread.
        """
        self._client = client
        self._lock = threading.Lock()
        self._lines: dict[_File, list[str]] = {}
        self._flusher = Flusher("captured data", self._flush, _FLUSH_SECONDS)

    def take(
        self,
        config: Mapping[str, Any],
        role: str,
        endpoint: str,
        variant: str,
        question: Question,
        reply: Reply,
        inference_id: str | None,
    ) -> None:
        """Takes one invocation, if the sample wants it; only answers of the model are captured.

        Args:
            config: DataCaptureConfig.
            role: ARN of the role that writes.
            endpoint: name of the endpoint.
            variant: name of the variant.
            question: what was asked.
            reply: what was answered.
            inference_id: how the client calls the inference.
        """
        if not 200 <= reply.status < 300:
            return
        if random.random() * 100 >= config["InitialSamplingPercentage"]:  # noqa: S311 - a sample is no secret
            return
        now = datetime.now(UTC)
        line = _line(config, question, reply, inference_id, now)
        destination = Location.parse(config["DestinationS3Uri"]) / endpoint / variant / f"{now:%Y/%m/%d/%H}"
        file = (role, destination.bucket, destination.key, config.get("KmsKeyId", ""))
        with self._lock:
            self._lines.setdefault(file, []).append(line)
        self._flusher.notify()

    def close(self) -> None:
        """Writes what is left and ends the thread."""
        self._flusher.close()

    def _flush(self) -> None:
        with self._lock:
            files, self._lines = self._lines, {}
        for (role, bucket, prefix, key), lines in files.items():
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
            for start in range(0, len(lines), _LONGEST_FILE_LINES):
                content = "\n".join(lines[start : start + _LONGEST_FILE_LINES]) + "\n"
                name = f"{time.strftime('%M-%S', time.gmtime())}-{time.time_ns() // 10**6 % 1000:03d}-{uuid.uuid4()}"
                try:
                    self._client(role).put_object(
                        Bucket=bucket, Key=f"{prefix}/{name}.jsonl", Body=content.encode(), **encryption
                    )
                except (ClientError, BotoCoreError, ServiceError) as error:
                    _log.warning("captured data of %s is not delivered: %s", prefix, error)


def _line(
    config: Mapping[str, Any], question: Question, reply: Reply, inference_id: str | None, now: datetime
) -> str:  # fmt: skip
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    data = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _side(config, "INPUT", question.content_type, question.body)
    if modes & {"Output", "InputAndOutput"}:
        content_type = reply.headers.get("content-type", "application/octet-stream")
        data["endpointOutput"] = _side(config, "OUTPUT", content_type, reply.body)
    metadata: dict[str, Any] = {"eventId": str(uuid.uuid4()), "inferenceTime": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if inference_id:
        metadata["inferenceId"] = inference_id
    custom = question.headers.get("x-amzn-sagemaker-custom-attributes")
    if custom:
        metadata["customAttributes"] = [custom]
    return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": _VERSION})


def _side(config: Mapping[str, Any], mode: str, content_type: str, body: bytes) -> dict[str, str]:
    kind = content_type.partition(";")[0].strip()
    listed = config.get("CaptureContentTypeHeader", {})
    encoding = next((name for name, field in _LISTS.items() if kind in listed.get(field, ())), "BASE64")
    try:
        text = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode()
    except UnicodeDecodeError:
        encoding, text = "BASE64", base64.b64encode(body).decode()
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}

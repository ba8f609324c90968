"""Messages of AWS's event streams (application/vnd.amazon.eventstream), as clients of InvokeEndpointWithResponseStream
read them.

Format: "Event stream encoding", Amazon Transcribe developer guide, and the Smithy specification "Amazon Event Stream",
read 2026-11: total length, length of the headers, checksum of both; headers; payload; checksum of everything.
"""

import json
import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7


def payload_part(content: bytes) -> bytes:
    """The event PayloadPart: a piece of what the model answers."""
    headers = {
        ":message-type": "event",
        ":event-type": "PayloadPart",
        ":content-type": "application/octet-stream",
    }
    return _message(headers, content)


def model_stream_error(message: str, code: str) -> bytes:
    """The exception ModelStreamError: the model's answer ends before its end.

    Args:
        message: for the client.
        code: ModelInvocationTimeExceeded or StreamBroken.
    """
    headers = {
        ":message-type": "exception",
        ":exception-type": "ModelStreamError",
        ":content-type": "application/json",
    }
    return _message(headers, json.dumps({"Message": message, "ErrorCode": code}).encode())


def _message(headers: Mapping[str, str], payload: bytes) -> bytes:
    block = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    content = prelude + block + payload
    return content + struct.pack(">I", zlib.crc32(content))


def _header(name: str, value: str) -> bytes:
    text = value.encode()
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(text)) + text

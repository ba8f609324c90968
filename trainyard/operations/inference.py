"""Endpoints and what they answer."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from trainyard.operations.connection import Connection, OperationError

JSON = "application/json"
_CANDIDATES = 20
_BYTES = 256


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an endpoint answered."""

    body: bytes
    content_type: str
    variant: str
    """Production variant that answered."""
    seconds: float
    """From the call to the last byte, as the client saw it."""


def invoke(
    connection: Connection,
    endpoint: str,
    body: bytes,
    content_type: str = JSON,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Answer:
    """Send one request through ``sagemaker-runtime``.

    Args:
        connection: The cloud.
        endpoint: Name of the endpoint.
        body: What to send.
        content_type: Its media type, and the answer's.
        more: Parameters of InvokeEndpoint beside these, such as TargetModel.

    Raises:
        OperationError: The model refused or failed; the message holds its own words.
    """
    runtime = connection.client("sagemaker-runtime")
    began = time.perf_counter()
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint, Body=body, ContentType=content_type, Accept=content_type, **more
        )
        content = answer["Body"].read()
    except runtime.exceptions.ModelError as error:
        status = error.response.get("OriginalStatusCode", "?")
        text = error.response.get("OriginalMessage") or error.response["Error"]["Message"]
        raise OperationError(f"{endpoint}: the model answered {status}: {text}") from None
    return Answer(
        body=content,
        content_type=answer.get("ContentType", ""),
        variant=answer.get("InvokedProductionVariant", ""),
        seconds=time.perf_counter() - began,
    )


@dataclass(frozen=True, kw_only=True)
class NextByte:
    """A candidate for the byte that follows."""

    byte: int
    probability: float


def next_bytes(
    connection: Connection,
    endpoint: str,
    text: bytes,
    count: int = 5,
    more: Mapping[str, str] = MappingProxyType({}),
) -> tuple[list[NextByte], Answer]:
    """Ask a byte-level language model what follows ``text``.

    The request is KServe v2 JSON: ``tokens`` INT64 [1, length] in, ``logits`` FP32 [1, length, 256] out.

    Args:
        connection: The cloud.
        endpoint: Name of the endpoint.
        text: At least one byte.
        count: Candidates wanted.
        more: Parameters of InvokeEndpoint, such as TargetModel.

    Returns:
        The likeliest bytes, likeliest first, and the endpoint's answer.

    Raises:
        OperationError: The text is empty, or the endpoint serves another kind of model.
    """
    if not text:
        raise OperationError("text: got '', but a prompt has at least one byte. Give some text")
    request = {
        "inputs": [{"name": "tokens", "datatype": "INT64", "shape": [1, len(text)], "data": list(text)}],
        "outputs": [{"name": "logits"}],
    }
    answer = invoke(connection, endpoint, json.dumps(request).encode(), more=more)
    logits = _last_logits(endpoint, answer.body)
    highest = max(logits)
    weights = [math.exp(logit - highest) for logit in logits]
    total = sum(weights)
    ranked = sorted(range(len(weights)), key=weights.__getitem__, reverse=True)[:count]
    return [NextByte(byte=byte, probability=weights[byte] / total) for byte in ranked], answer


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """Text that a model wrote, one request a byte."""

    text: bytes
    """The prompt and what follows it."""
    seconds: tuple[float, ...]
    """Latency of each request, as the client saw it."""


def continue_text(
    connection: Connection, endpoint: str, prompt: bytes, count: int, *, temperature: float = 0.7, seed: int = 0
) -> Continuation:
    """Let a byte-level language model write ``count`` bytes after ``prompt``.

    Args:
        connection: The cloud.
        endpoint: Name of the endpoint.
        prompt: At least one byte.
        count: Bytes to write, one request each.
        temperature: 0 takes the likeliest byte each time; 1 draws by the model's own probabilities.
        seed: Of the draws: the same seed writes the same text.

    Raises:
        OperationError: As above, or the temperature is negative.
    """
    if temperature < 0:
        raise OperationError(f"temperature: got {temperature}, but it is 0 or more. Take 0 for the likeliest byte")
    draw = random.Random(seed)  # noqa: S311 - a text, not a secret
    text, seconds = prompt, []
    for _ in range(count):
        candidates, answer = next_bytes(connection, endpoint, text, 1 if temperature == 0 else _CANDIDATES)
        # Relative to the likeliest one: near 0 the powers of all would vanish.
        highest = candidates[0].probability
        weights = [(each.probability / highest) ** (1 / temperature) if temperature else 1.0 for each in candidates]
        text += bytes(draw.choices([each.byte for each in candidates], weights))
        seconds.append(answer.seconds)
    return Continuation(text=text, seconds=tuple(seconds))


def _last_logits(endpoint: str, body: bytes) -> list[float]:
    try:
        answer = json.loads(body)
        found = [output["data"][-_BYTES:] for output in answer["outputs"]
                 if output["name"] == "logits" and output["shape"][-1] == _BYTES]  # fmt: skip
        return [float(logit) for logit in found[0]]
    except (ValueError, KeyError, IndexError, TypeError):
        raise OperationError(f"{endpoint}: its answer has no logits over bytes. Use --body for other models") from None


def endpoints(connection: Connection) -> list[dict[str, Any]]:
    """All endpoints, newest first."""
    pages = connection.client("sagemaker").get_paginator("list_endpoints").paginate(SortBy="CreationTime")
    return [endpoint for page in pages for endpoint in page["Endpoints"]]

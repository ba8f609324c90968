"""From a container's reply to what a client of SageMaker sees."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.hosting.exchange import JSON, Reply
from trainyard.local.hosting.invocation_request import CUSTOM

_TEXT_CHARACTERS = 2000


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    parts: Iterator[bytes] | None = None
    """What follows piece by piece, in place of a body; closed when the client is gone."""


def answer(context: Context, group: str, variant: str, reply: Reply) -> Answer:
    """The answer to InvokeEndpoint.

    Args:
        context: the cloud.
        group: the log group of the endpoint.
        variant: the production variant that answered.
        reply: what its container said.
    """
    headers = {"x-Amzn-Invoked-Production-Variant": variant}
    if 200 <= reply.status < 300:
        if reply.headers.get(CUSTOM):
            headers["X-Amzn-SageMaker-Custom-Attributes"] = reply.headers[CUSTOM]
        content_type = reply.headers.get("content-type", "application/octet-stream")
        return Answer(status=200, headers={**headers, "Content-Type": content_type}, body=reply.body)
    errors = {"Content-Type": JSON, "x-amzn-ErrorType": "ModelError"}
    document = model_error(context, group, reply)
    return Answer(status=424, headers={**headers, **errors}, body=json.dumps(document).encode())


def model_error(context: Context, group: str, reply: Reply) -> dict[str, Any]:
    """ModelError: what a container said instead of an inference."""
    text = reply.body.decode(errors="replace")[:_TEXT_CHARACTERS]
    whose = "client" if 400 <= reply.status < 500 else "server"
    return {
        "Message": (
            f'Received {whose} error ({reply.status}) from {reply.container} with message "{text}". See the log group '
            f"{group} in account {context.account} for more information."
        ),
        "OriginalStatusCode": reply.status,
        "OriginalMessage": text,
        "LogStreamArn": f"arn:aws:logs:{context.region}:{context.account}:log-group:{group}",
    }

"""What becomes of an asynchronous invocation's answer: an object in S3, and a message to a topic.

Form of the messages: "Check prediction results", Amazon SNS topics, read 2026-11, and messages as users have quoted
them (event version 1.0).
"""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.hosting.answers import model_error
from trainyard.local.hosting.deployment import Deployment
from trainyard.local.hosting.exchange import JSON, Figures, Reply
from trainyard.local.hosting.invocation_request import CUSTOM
from trainyard.local.transfer import Location

_LONGEST_INCLUDED_BYTES = 128 * 1024


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an invocation went."""

    reply: Reply | None = None
    """What the container said; None when it was not asked."""
    problem: str = ""
    """Why it was not asked."""
    expired: bool = False
    """Whether it waited too long."""

    @property
    def succeeded(self) -> bool:
        return self.reply is not None and 200 <= self.reply.status < 300


def deliver(context: Context, deployment: Deployment, row: Mapping[str, Any], outcome: Outcome) -> Figures:
    """Writes the answer and tells the topic.

    Args:
        context: the rest of the cloud.
        deployment: what answered.
        row: the queued invocation.
        outcome: how it went.

    Returns:
        Figures of it.
    """
    config = (deployment.plan.asynchronous or {})["OutputConfig"]
    variant = deployment.variants[0]
    role, problem = variant.plan.role, outcome.problem
    reply = outcome.reply
    if reply is not None and not outcome.succeeded:
        problem = model_error(context, variant.group, reply)["Message"]
    succeeded = outcome.succeeded
    location = row["OutputLocation"] if succeeded else row["FailureLocation"]
    body = reply.body if reply is not None else json.dumps({"error": problem}).encode()
    content_type = reply.headers.get("content-type", JSON) if reply is not None else JSON
    if location:
        try:
            target, key = Location.parse(location), config.get("KmsKeyId")
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
            context.platform.role_client("s3", role, "SageMaker").put_object(
                Bucket=target.bucket, Key=target.key, Body=body, ContentType=content_type, **encryption
            )
        except (ClientError, BotoCoreError, ServiceError) as error:
            succeeded, problem = False, f"ClientError: the answer cannot be written to {location}: {error}"
    told = _notify(context, role, config.get("NotificationConfig", {}), {
        **_message(context, row, succeeded=succeeded, problem=problem, content_type=content_type),
        **_included(config.get("NotificationConfig", {}), body, succeeded=succeeded),
    })  # fmt: skip
    return (
        ("InvocationsProcessed", 1.0),
        ("InvocationFailures", float(not succeeded)),
        ("ExpiredRequests", float(outcome.expired)),
        ("NotificationFailures", float(not told)),
    )


def _message(
    context: Context, row: Mapping[str, Any], *, succeeded: bool, problem: str, content_type: str
) -> dict[str, Any]:  # fmt: skip
    headers = row["Headers"]
    asked = {
        "accept": headers.get("accept"),
        "contentType": headers.get("content-type"),
        "customAttributes": headers.get(CUSTOM),
        "endpointName": row["EndpointName"],
        "inputLocation": row["InputLocation"],
    }
    message: dict[str, Any] = {
        "awsRegion": context.region,
        "eventTime": _time(time.time()),
        "receivedTime": _time(row["Received"]),
        "invocationStatus": "Completed" if succeeded else "Failed",
        "requestParameters": {key: value for key, value in asked.items() if value is not None},
        "inferenceId": row["InferenceId"],
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    if succeeded:
        message["responseParameters"] = {"contentType": content_type, "outputLocation": row["OutputLocation"]}
    else:
        message["failureReason"] = problem
        if row["FailureLocation"]:
            message["responseParameters"] = {"contentType": content_type, "failureLocation": row["FailureLocation"]}
    return message


def _included(config: Mapping[str, Any], body: bytes, *, succeeded: bool) -> dict[str, Any]:
    wanted = "SUCCESS_NOTIFICATION_TOPIC" if succeeded else "ERROR_NOTIFICATION_TOPIC"
    if wanted not in config.get("IncludeInferenceResponseIn", ()) or len(body) > _LONGEST_INCLUDED_BYTES:
        return {}
    return {"responseBody": {"content": base64.b64encode(body).decode(), "encoding": "BASE64"}}


def _notify(context: Context, role: str, config: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    topic = config.get("SuccessTopic" if message["invocationStatus"] == "Completed" else "ErrorTopic")
    if not topic:
        return True
    try:
        context.platform.role_client("sns", role, "SageMaker").publish(TopicArn=topic, Message=json.dumps(message))
    except (ClientError, BotoCoreError, ServiceError):
        return False
    return True


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

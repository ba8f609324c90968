"""Requests that wait in a queue."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.cloud import Cloud

from ...conftest import policy
from ..conftest import Maker
from .conftest import Clients, Figures, body

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def notices(clients: Clients) -> Callable[[int], list[dict[str, Any]]]:
    """Messages of the topic `inferences`."""
    topic = clients("sns").create_topic(Name="inferences")["TopicArn"]
    queue = clients("sqs").create_queue(QueueName="inferences")["QueueUrl"]
    arn = clients("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    document = policy({**allowed, "Resource": arn})
    clients("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document})
    clients("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    def read(count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + 60
        while len(found) < count and time.monotonic() < deadline:
            for message in clients("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                found.append(json.loads(message["Body"]))
                clients("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            time.sleep(0.1)
        return found

    return read


def asynchronous(make: Maker, **client: int) -> str:
    topic = "arn:aws:sns:us-east-1:123456789012:inferences"
    config = {
        "ClientConfig": client,
        "OutputConfig": {
            "S3OutputPath": "s3://data/out",
            "S3FailurePath": "s3://data/failed",
            "NotificationConfig": {
                "SuccessTopic": topic,
                "ErrorTopic": topic,
                "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
            },
        },
    }
    return make.endpoint(make.config(make.model("add 1"), AsyncInferenceConfig=config))


def read(clients: Clients, uri: str) -> bytes | None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return bytes(clients("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError:
            time.sleep(0.1)
    return None


def test_the_queue_survives_a_restart_and_waits_for_an_instance(
    make: Maker, here: Cloud, clients: Clients, figures: Figures
) -> None:
    name = asynchronous(make, MaxConcurrentInvocationsPerInstance=1)

    def ask(number: int, wanted: str = "") -> str:
        content = {"ContentType": "application/json", "Body": body(number, wanted=wanted)}
        return str(make.runtime.invoke_endpoint_async(EndpointName=name, **content)["OutputLocation"])

    def scale(count: int) -> None:
        wanted = [{"VariantName": "variant-1", "DesiredInstanceCount": count}]
        make.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)
        make.settled(name, "InService")

    # The first is under way when the cloud goes down.
    asked = [ask(0, "sleep 1.5"), ask(1), ask(2)]
    time.sleep(0.5)
    here.down()
    here.up()
    assert [json.loads(read(clients, one) or b"{}").get("data") for one in asked] == [[1], [2], [3]]
    make.settled(name, "InService")
    scale(0)
    late = ask(3)
    assert figures(name, "HasBacklogWithoutCapacity", "ApproximateBacklogSize")["ApproximateBacklogSize"] >= 1
    scale(1)
    assert json.loads(read(clients, late) or b"{}")["data"] == [4]


def test_asynchronous_answers_come_to_s3_and_the_topic(
    make: Maker, clients: Clients, notices: Callable[[int], list[dict[str, Any]]], figures: Figures
) -> None:
    name = asynchronous(make, MaxConcurrentInvocationsPerInstance=2)
    clients("s3").put_object(Bucket="data", Key="in/1", Body=body(41))
    ask = {"EndpointName": name, "ContentType": "application/json"}
    good = make.runtime.invoke_endpoint_async(InputLocation="s3://data/in/1", InferenceId="good", **ask)
    assert good["InferenceId"] == "good"
    inline = make.runtime.invoke_endpoint_async(Body=body(1), **ask)
    missing = make.runtime.invoke_endpoint_async(InputLocation="s3://data/in/2", InferenceId="missing", **ask)
    fails = make.runtime.invoke_endpoint_async(Body=body(1, wanted="stub"), InferenceId="fails", **ask)
    assert json.loads(read(clients, good["OutputLocation"]) or b"")["data"] == [42]
    assert json.loads(read(clients, inline["OutputLocation"]) or b"")["data"] == [2]
    assert b"NoSuchKey" in (read(clients, missing["FailureLocation"]) or b"")
    assert b"Stub process" in (read(clients, fails["FailureLocation"]) or b"")
    told = {message["inferenceId"]: message for message in notices(4)}
    assert told["good"]["invocationStatus"] == "Completed"
    assert told["good"]["responseParameters"]["outputLocation"] == good["OutputLocation"]
    assert json.loads(base64.b64decode(told["good"]["responseBody"]["content"]))["data"] == [42]
    assert told["missing"]["invocationStatus"] == "Failed"
    assert 'from primary with message "{"error": "Stub process' in told["fails"]["failureReason"]
    wanted = {"InvocationsProcessed": 4.0, "InvocationFailures": 2.0}
    found: dict[str, float] = {}
    deadline = time.monotonic() + 60
    # Figures come in batches: the first may hold a part of them.
    while found != wanted and time.monotonic() < deadline:
        found = figures(name, *wanted, VariantName="variant-1")
    assert found == wanted
    with pytest.raises(ClientError, match="Use InvokeEndpointAsync"):
        make.invoke(name, body(1))

"""SageMaker's protocol on the emulator's port."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.cloud import Cloud

HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sagemaker/aws4_request, "
    "SignedHeaders=host, Signature=0",
}


def test_a_group_is_made_and_read_back(client: Callable) -> None:
    sagemaker = client("sagemaker")
    arn = sagemaker.create_model_package_group(ModelPackageGroupName="routed")["ModelPackageGroupArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/routed"
    assert sagemaker.describe_model_package_group(ModelPackageGroupName="routed")["ModelPackageGroupArn"] == arn
    sagemaker.delete_model_package_group(ModelPackageGroupName="routed")


def test_operations_that_nobody_runs_say_what_is_run(client: Callable) -> None:
    with pytest.raises(ClientError, match=r"does not run ListApps\. It runs AddTags, ") as error:
        client("sagemaker").list_apps()
    assert error.value.response["Error"]["Code"] == "UnknownOperationException"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("invoke_endpoint_async", {"InputLocation": "s3://bucket/key"}),
        ("invoke_endpoint_with_response_stream", {"Body": b"{}"}),
    ],
)
def test_other_ways_to_invoke_reach_the_endpoints(operation: str, parameters: dict[str, Any], client: Callable) -> None:
    with pytest.raises(ClientError, match="Endpoint x of account 123456789012 not found"):
        getattr(client("sagemaker-runtime"), operation)(EndpointName="x", **parameters)


def test_what_is_no_way_to_invoke_fails_honestly(cloud: Cloud) -> None:
    request = urllib.request.Request(f"{cloud.endpoint_url}/endpoints/x/interrogations", b"{}", HEADERS)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=10)
    assert "The embedded cloud does not run POST /endpoints/x/" in json.load(error.value)["message"]


@pytest.mark.parametrize(
    ("body", "message"), [(b"{", "no JSON"), (b"[]", "list, not a JSON object"), (b"\xff", "no JSON")]
)
def test_a_request_that_is_no_json_object_is_refused(body: bytes, message: str, cloud: Cloud) -> None:
    headers = {**HEADERS, "X-Amz-Target": "SageMaker.ListTrainingJobs"}
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(urllib.request.Request(cloud.endpoint_url, body, headers), timeout=10)
    answer = json.load(error.value)
    assert error.value.code == 400
    assert answer["__type"] == "SerializationException"
    assert message in answer["message"]


SLOW = """
import asyncio, threading, types
from trainyard.local.hooks.routing import json_service

begun, go = [], threading.Event()

def work(name):
    begun.append(name)
    if not go.wait(20):
        raise TimeoutError("nobody lets it go on")

class Slow:
    def call(self, name, request, caller):
        if name == "Fail":
            raise KeyError("secret")
        work(name)
        return {"Caller": caller.arn}

def invoke(operation, name, body, headers):
    work(operation)
    content = f"{operation} {name}".encode() + body
    return types.SimpleNamespace(status=200, headers={"Content-Type": "text/plain"}, body=content, parts=None)

handle = json_service(Slow(), lambda *_: None, invoke)

def ask(operation, path="/"):
    headers = {"x-amz-target": f"SageMaker.{operation}"} if operation else {}
    return handle("POST", path, headers, b"{}", {})

async def main():
    asked = [asyncio.create_task(ask("Slow")) for _ in range(8)]
    asked.append(asyncio.create_task(ask("", "/endpoints/a%20b/invocations")))
    # This loop is what lets them go on, once all of them wait for it.
    while len(begun) < 9 and not any(task.done() for task in asked):
        await asyncio.sleep(0.01)
    together = len(begun)
    go.set()
    answers = [await task for task in asked]
    failed = await ask("Fail")
    bodies = [answer[2].decode() for answer in (answers[0], answers[-1], failed)]
    return [together, [answer[0] for answer in answers], failed[0], *bodies]

print(json.dumps(asyncio.run(main())))
"""


@pytest.mark.slow
def test_slow_operations_hold_up_neither_each_other_nor_the_loop(beside_the_emulator: Callable[[str], Any]) -> None:
    together, codes, failed, answer, invoked, message = beside_the_emulator(SLOW)
    assert codes == [200] * 9
    assert together == 9
    assert json.loads(answer) == {"Caller": "arn:aws:iam::123456789012:root"}
    assert invoked == "InvokeEndpoint a b{}"
    # What went wrong inside is for the log.
    assert failed == 500
    assert json.loads(message)["__type"] == "InternalFailure"
    assert "secret" not in message

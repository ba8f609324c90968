"""Every kind of endpoint on a real cloud, with a small server of its own in the containers."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError
from ports import free_port

from trainyard.local.cloud import Cloud

from ..conftest import new_client, policy  # noqa: TID252 - tests are no package
from .conftest import LOGS, READ, Maker, stand_in_environment
from .test_many_models import archive

pytestmark = pytest.mark.slow
IMAGE = "stand-in:1"
Figures = Callable[..., dict[str, float]]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud whose only image is the stand-in, and whose minutes last 0.4 s."""
    folder = tmp_path_factory.mktemp("kinds")
    environments = stand_in_environment(folder).parent
    found = Cloud(
        folder / "cloud", free_port(), options=("--environments", str(environments), "--minute-seconds", "0.4")
    )
    found.up()
    yield found
    found.down()


@pytest.fixture(scope="module")
def clients(here: Cloud) -> Callable[[str], Any]:
    made: dict[str, Any] = {}
    return lambda service: made.setdefault(service, new_client(here, service))


@pytest.fixture(scope="module")
def role(clients: Callable[[str], Any]) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    publish = {"Effect": "Allow", "Action": ["sns:Publish", "s3:PutObject"], "Resource": "*"}
    made = clients("iam").create_role(RoleName="serving", AssumeRolePolicyDocument=policy(trust))
    document = policy(READ, LOGS, publish)
    clients("iam").put_role_policy(RoleName="serving", PolicyName="inline", PolicyDocument=document)
    return str(made["Role"]["Arn"])


@pytest.fixture(scope="module")
def make(clients: Callable[[str], Any], role: str) -> Maker:
    clients("s3").create_bucket(Bucket="data")
    archives = {f"add {number}": archive(str(number)) for number in (0, 1, 10, 100)}
    return Maker(clients, archives, role, "data", image=IMAGE)


@pytest.fixture(scope="module")
def figures(clients: Callable[[str], Any]) -> Figures:
    """Sums of an endpoint's metrics, once one of them is there."""

    def read(endpoint: str, *wanted: str, **dimensions: str) -> dict[str, float]:
        where = [{"Name": key, "Value": value} for key, value in ({"EndpointName": endpoint} | dimensions).items()]
        deadline = time.monotonic() + 10
        found: dict[str, float] = {}
        while time.monotonic() < deadline and not all(found.get(name) for name in wanted):
            for name in wanted:
                points = clients("cloudwatch").get_metric_statistics(
                    Namespace="AWS/SageMaker", MetricName=name, Dimensions=where, Period=3600, Statistics=["Sum"],
                    StartTime=time.time() - 3600, EndTime=time.time() + 3600,
                )["Datapoints"]  # fmt: skip
                found[name] = float(sum(point["Sum"] for point in points))
            time.sleep(0.2)
        return found

    return read


def body(*values: int, wanted: str = "") -> bytes:
    return json.dumps({"data": values, "id": wanted}).encode()


def answered(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(answer["Body"].read()))


# Asynchronous


@pytest.fixture(scope="module", autouse=True)
def notices(clients: Callable[[str], Any]) -> Callable[[int], list[dict[str, Any]]]:
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
        deadline = time.monotonic() + 15
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


def read(clients: Callable[[str], Any], uri: str) -> bytes | None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            return bytes(clients("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError:
            time.sleep(0.1)
    return None


def test_the_queue_survives_a_restart_and_waits_for_an_instance(
    make: Maker, here: Cloud, clients: Callable[[str], Any], figures: Figures
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
    make: Maker, clients: Callable[[str], Any], notices: Callable[[int], list[dict[str, Any]]], figures: Figures
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
    assert figures(name, "InvocationsProcessed", "InvocationFailures", VariantName="variant-1") == {
        "InvocationsProcessed": 4, "InvocationFailures": 2,
    }  # fmt: skip
    with pytest.raises(ClientError, match="Use InvokeEndpointAsync"):
        make.invoke(name, body(1))


# Serverless


def serverless_config(make: Maker, model: str, *, concurrency: int, **limits: int) -> str:
    name = f"config-{time.monotonic_ns()}"
    variant = {
        "VariantName": "all",
        "ModelName": make.model(model),
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": concurrency, **limits},
    }
    make.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    return name


def serverless(make: Maker, *, concurrency: int, **limits: int) -> str:
    return make.endpoint(serverless_config(make, "add 1", concurrency=concurrency, **limits))


def test_serverless_containers_come_with_requests_and_go_without(make: Maker, figures: Figures) -> None:
    name = serverless(make, concurrency=3)
    described = make.sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"][0]
    assert described["CurrentServerlessConfig"] == {"MemorySizeInMB": 1024, "MaxConcurrency": 3}
    first = answered(make.invoke(name, body(1)))
    assert first["data"] == [2]
    with ThreadPoolExecutor(3) as pool:
        requests = [pool.submit(make.invoke, name, body(1, wanted="sleep 1.5")) for _ in range(3)]
        time.sleep(0.4)
        with pytest.raises(ClientError) as throttled:
            make.invoke(name, body(1))
        together = {answered(request.result())["server"] for request in requests}
    assert throttled.value.response["Error"]["Code"] == "ThrottlingException"
    # A request that waits for its own container may be answered by another's that is free before.
    assert len(together) > 1
    found = figures(name, "ModelSetupTime", "ServerlessConcurrentExecutionsUtilization", VariantName="all")
    assert found["ModelSetupTime"] > 0
    # Five minutes of this cloud without a request.
    time.sleep(2.8)
    assert answered(make.invoke(name, body(1)))["server"] not in {first["server"], *together}


def test_provisioned_concurrency_stays_warm(make: Maker, figures: Figures) -> None:
    name = serverless(make, concurrency=2, ProvisionedConcurrency=1)
    first = answered(make.invoke(name, body(1)))["server"]
    wanted = {"VariantName": "all", "ServerlessUpdateConfig": {"MaxConcurrency": 4}}
    make.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[wanted])
    described = make.sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"][0]
    assert described["CurrentServerlessConfig"]["MaxConcurrency"] == 4
    found = figures(name, "ServerlessProvisionedConcurrencyInvocations", VariantName="all")
    assert found == {"ServerlessProvisionedConcurrencyInvocations": 1}
    time.sleep(2.6)
    assert answered(make.invoke(name, body(1)))["server"] == first
    update = serverless_config(make, "add 10", concurrency=2)
    make.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=update)
    while make.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating":
        assert answered(make.invoke(name, body(1)))["data"] in ([2], [11])
    assert make.settled(name, "InService")["EndpointConfigName"] == update
    assert answered(make.invoke(name, body(1)))["data"] == [11]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"MemorySizeInMB": 5000}, "MemorySizeInMB: got 5000, but it is one of 1024, 2048"),
        ({"ProvisionedConcurrency": 3}, "ProvisionedConcurrency: got 3, but it is at most MaxConcurrency"),
    ],
)
def test_serverless_limits(make: Maker, changes: dict[str, int], words: str) -> None:
    given = {"MemorySizeInMB": 1024, "MaxConcurrency": 2, **changes}
    variant = {"VariantName": "a", "ModelName": make.model("add 1"), "ServerlessConfig": given}
    with pytest.raises(ClientError) as refused:
        make.sagemaker.create_endpoint_config(EndpointConfigName="refused", ProductionVariants=[variant])
    assert words.lower() in refused.value.response["Error"]["Message"].lower()


# Shadows


def test_a_shadow_gets_copies_and_neither_slows_nor_fails_an_answer(make: Maker, figures: Figures) -> None:
    shadow = {
        "VariantName": "shadow",
        "ModelName": make.model("add 100"),
        "InstanceType": "ml.c5.xlarge",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 0.5,
    }
    name = make.endpoint(make.config(make.model("add 1"), ShadowProductionVariants=[shadow]))
    described = make.sagemaker.describe_endpoint(EndpointName=name)
    assert described["ShadowProductionVariants"][0]["CurrentInstanceCount"] == 1
    answers = [answered(make.invoke(name, body(number)))["data"] for number in range(60)]
    assert answers == [[number + 1] for number in range(60)]
    # Figures come in batches: the first may hold a part of the copies.
    deadline, copies = time.monotonic() + 10, 0.0
    while copies <= 10 and time.monotonic() < deadline:
        copies = figures(name, "Invocations", VariantName="shadow")["Invocations"]
    assert 10 < copies < 50


def test_a_shadow_that_dies_of_every_copy_is_no_trouble_of_the_endpoint(make: Maker) -> None:
    shadow = {
        "VariantName": "shadow",
        "ModelName": make.model("add 100", DIES="1"),
        "InstanceType": "ml.c5.xlarge",
        "InitialInstanceCount": 1,
    }
    name = make.endpoint(make.config(make.model("add 1"), ShadowProductionVariants=[shadow]))
    for number in range(30):
        assert answered(make.invoke(name, body(number)))["data"] == [number + 1]
        assert make.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
        time.sleep(0.05)


# Data capture


def test_captured_data_has_the_documented_form_and_place(make: Maker, clients: Callable[[str], Any]) -> None:
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://data/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }
    name = make.endpoint(make.config(make.model("add 1"), DataCaptureConfig=capture))
    shown = make.sagemaker.describe_endpoint(EndpointName=name)["DataCaptureConfig"]
    assert (shown["CaptureStatus"], shown["CurrentSamplingPercentage"]) == ("Started", 100)
    make.invoke(name, body(1), InferenceId="first")
    make.invoke(name, body(2), ContentType="text/other")
    lines: list[dict[str, Any]] = []
    deadline = time.monotonic() + 10
    while len(lines) < 2 and time.monotonic() < deadline:
        listed = clients("s3").list_objects_v2(Bucket="data", Prefix=f"captured/{name}/variant-1/").get("Contents", [])
        texts = [clients("s3").get_object(Bucket="data", Key=row["Key"])["Body"].read() for row in listed]
        lines = [json.loads(line) for text in texts for line in text.splitlines()]
        time.sleep(0.1)
    by_type = {line["captureData"]["endpointInput"]["observedContentType"]: line for line in lines}
    first = by_type["application/json"]
    assert first["captureData"]["endpointInput"] == {
        "observedContentType": "application/json", "mode": "INPUT", "data": body(1).decode(), "encoding": "JSON",
    }  # fmt: skip
    assert json.loads(first["captureData"]["endpointOutput"]["data"])["data"] == [2]
    assert (first["eventMetadata"]["inferenceId"], first["eventVersion"]) == ("first", "0")
    assert by_type["text/other"]["captureData"]["endpointInput"]["encoding"] == "BASE64"
    assert re.fullmatch(r"captured/[^/]+/variant-1/\d{4}/\d\d/\d\d/\d\d/[\w-]+\.jsonl", listed[0]["Key"])


# Streams


def test_a_stream_reaches_the_client_while_the_model_still_speaks(make: Maker) -> None:
    name = make.endpoint(make.config(make.model("add 10")))
    ask = {"EndpointName": name, "ContentType": "application/json"}
    began = time.monotonic()
    answer = make.runtime.invoke_endpoint_with_response_stream(Body=body(1, 2, 3, wanted="stream slowly"), **ask)
    times, parts = [], []
    for event in answer["Body"]:
        times.append(time.monotonic() - began)
        parts.append(event["PayloadPart"]["Bytes"])
    assert b"".join(parts) == b"data: 11\n\ndata: 12\n\ndata: 13\n\n"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/event-stream", "variant-1")
    assert times[-1] - times[0] > 0.5
    broken = make.runtime.invoke_endpoint_with_response_stream(Body=body(1, wanted="stream and break"), **ask)
    with pytest.raises(EventStreamError, match="ModelStreamError"):
        list(broken["Body"])
    with pytest.raises(make.runtime.exceptions.ModelError, match="Stub process"):
        make.runtime.invoke_endpoint_with_response_stream(Body=body(1, wanted="stub"), **ask)


# Model data


def test_a_model_of_loose_files(make: Maker, clients: Callable[[str], Any], role: str) -> None:
    clients("s3").put_object(Bucket="data", Key="loose/constant", Body=b"7")
    source = {"S3Uri": "s3://data/loose/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
    make.sagemaker.create_model(ModelName="loose", PrimaryContainer=container, ExecutionRoleArn=role)
    assert answered(make.invoke(make.endpoint(make.config("loose", count=2)), body(1)))["data"] == [8]


def test_an_image_that_brings_its_model(make: Maker, role: str) -> None:
    make.sagemaker.create_model(ModelName="bare", PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=role)
    assert answered(make.invoke(make.endpoint(make.config("bare")), body(1)))["data"] == [1]


# Containers in a row


@pytest.mark.parametrize("mode", ["Serial", "Direct"])
def test_containers_in_a_row_or_by_name(make: Maker, role: str, mode: str) -> None:
    model = f"pipeline-{mode.lower()}"
    containers = [
        {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://data/{make.model(f'add {step}')}/model.tar.gz",
            "ContainerHostname": host,
        }
        for host, step in (("first", 1), ("second", 10), ("third", 100))
    ]
    make.sagemaker.create_model(
        ModelName=model, Containers=containers, ExecutionRoleArn=role, InferenceExecutionConfig={"Mode": mode}
    )
    name = make.endpoint(make.config(model))
    if mode == "Serial":
        assert answered(make.invoke(name, body(1, 2)))["data"] == [112, 113]
        with pytest.raises(ClientError, match="asked one after the other"):
            make.invoke(name, body(1), TargetContainerHostname="first")
        with pytest.raises(make.runtime.exceptions.ModelError, match="from first with message"):
            make.invoke(name, body(1, wanted="stub"))
    else:
        assert answered(make.invoke(name, body(1), TargetContainerHostname="second"))["data"] == [11]
        with pytest.raises(ClientError, match="it is one of first, second, third"):
            make.invoke(name, body(1))

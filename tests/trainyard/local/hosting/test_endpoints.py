"""Endpoints on a real cloud with a real model server, through boto3."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from botocore.exceptions import ClientError

from trainyard.local.cloud import ACCOUNT, Cloud

from ..conftest import new_client, policy
from .bodies import BAD_BODIES, BINARY, HEADER, JSON, RAW
from .conftest import LOGS, READ, Maker, numbers, request, write_artifact

pytestmark = pytest.mark.slow
SERVER, STUB = "tritonserver", "triton_python_backend_stub"


def processes(cloud: Cloud, program: str) -> list[int]:
    """Process ids of a cloud's model servers: their command lines name its state folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else [""]
        except OSError:
            continue
        if Path(words[0]).name == program and any(str(cloud.state) in word for word in words):
            found.append(int(entry.name))
    return sorted(found)


@pytest.fixture(scope="module")
def shared() -> dict[str, str]:
    return {}


@pytest.fixture
def served(make: Maker, shared: dict[str, str]) -> str:
    """An endpoint that is in service; the tests of this module share it."""
    if "name" not in shared:
        shared["name"] = make.endpoint(make.config(make.model()))
    assert make.settled(shared["name"])["EndpointStatus"] == "InService"
    return shared["name"]


def test_answers_equal_onnxruntimes(make: Maker, served: str, tmp_path: Path) -> None:
    session = onnxruntime.InferenceSession(str(write_artifact(tmp_path / "artifact") / "model.onnx"))
    tokens = np.random.default_rng(0).integers(-1000, 1000, size=(3, 17))
    row = {"name": "tokens", "datatype": "INT64", "shape": [3, 17], "data": tokens.ravel().tolist()}
    answer = make.invoke(served, json.dumps({"inputs": [row]}).encode())
    (expected,) = session.run(None, {"tokens": tokens})
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == (JSON, "variant-1")
    np.testing.assert_array_equal(np.array(numbers(answer), np.float32).reshape(3, 17, 4), expected)


def test_binary_tensors(make: Maker, served: str) -> None:
    answer = make.invoke(served, HEADER + RAW, ContentType=f"{BINARY}{len(HEADER)}")
    size = int(answer["ContentType"].removeprefix(BINARY))
    values = np.frombuffer(answer["Body"].read()[size:], np.float32)
    np.testing.assert_array_equal(values, np.outer([1, 2, 3], [1, 2, 3, 4]).ravel())


def test_no_body_ends_the_server(make: Maker, served: str, cloud: Cloud) -> None:
    before = processes(cloud, SERVER), processes(cloud, STUB)
    assert all(before)
    for name, (content_type, body) in BAD_BODIES.items():
        with pytest.raises(make.runtime.exceptions.ModelError) as raised:
            make.invoke(served, body, ContentType=content_type)
        response = raised.value.response
        assert response["OriginalStatusCode"] == 400, f"{name}: {response}"
        assert json.loads(response["OriginalMessage"])["error"], name
        assert served in response["LogStreamArn"]
    assert (processes(cloud, SERVER), processes(cloud, STUB)) == before
    assert numbers(make.invoke(served, request(7))) == [7, 14, 21, 28]


def test_errors_of_the_front(make: Maker, served: str) -> None:
    def refusal(name: str, body: bytes, **arguments: Any) -> tuple[str, str]:
        with pytest.raises(make.runtime.exceptions.ValidationError) as raised:
            make.invoke(name, body, **arguments)
        return raised.value.response["Error"]["Message"]

    assert refusal("nobody", request(1)) == f"Endpoint nobody of account {ACCOUNT} not found."
    assert "6291456" in refusal(served, bytes(6291457))
    assert "variant-1" in refusal(served, request(1), TargetVariant="variant-9")
    assert "TargetModel" in refusal(served, request(1), TargetModel="a.tar.gz")


@pytest.mark.parametrize("program", [SERVER, STUB])
def test_a_killed_server_is_started_again(make: Maker, served: str, cloud: Cloud, program: str) -> None:
    (victim,) = processes(cloud, program)
    os.kill(victim, signal.SIGKILL)
    statuses = set()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and processes(cloud, program) in ([], [victim]):
        try:
            make.invoke(served, request(1))
        except ClientError as error:
            statuses.add(error.response["Error"]["Code"])
        described = make.sagemaker.describe_endpoint(EndpointName=served)
        if described["EndpointStatus"] == "SystemUpdating":
            (variant,) = described["ProductionVariants"]
            assert variant["CurrentInstanceCount"] == 0
            assert variant["VariantStatus"][0]["Status"] == "Creating"
    make.settled(served, "InService")
    assert numbers(make.invoke(served, request(2))) == [2, 4, 6, 8]
    assert statuses <= {"ModelError", "ServiceUnavailable"}


def test_an_update_that_fails_keeps_the_old_one(make: Maker, served: str, cloud: Cloud) -> None:
    before = make.sagemaker.describe_endpoint(EndpointName=served)["EndpointConfigName"]
    broken = make.config(make.model("broken"))
    make.sagemaker.update_endpoint(EndpointName=served, EndpointConfigName=broken)
    described = make.sagemaker.describe_endpoint(EndpointName=served)
    assert described["EndpointStatus"] == "Updating"
    assert described["PendingDeploymentSummary"]["EndpointConfigName"] == broken
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        make.sagemaker.update_endpoint(EndpointName=served, EndpointConfigName=broken)
    assert numbers(make.invoke(served, request(2))) == [2, 4, 6, 8]
    described = make.settled(served)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", before)
    assert "Protobuf parsing failed" in described["FailureReason"]
    assert numbers(make.invoke(served, request(2))) == [2, 4, 6, 8]
    assert len(processes(cloud, SERVER)) == 1


def test_an_update_loses_no_request(make: Maker, served: str) -> None:
    other = make.config(make.model("other"))
    make.sagemaker.update_endpoint(EndpointName=served, EndpointConfigName=other)
    answers = []
    while make.sagemaker.describe_endpoint(EndpointName=served)["EndpointStatus"] == "Updating":
        answers.append(numbers(make.invoke(served, request(1)))[0])
    described = make.settled(served)
    assert described["EndpointConfigName"] == other
    assert "FailureReason" not in described
    assert set(answers) <= {1.0, 10.0}
    assert numbers(make.invoke(served, request(1)))[0] == 10.0


def test_a_configuration_in_use_stays(make: Maker, served: str) -> None:
    config = make.sagemaker.describe_endpoint(EndpointName=served)["EndpointConfigName"]
    with pytest.raises(ClientError, match=f"the endpoint '{served}' uses it"):
        make.sagemaker.delete_endpoint_config(EndpointConfigName=config)


def test_logs_and_metrics(make: Maker, served: str, client: Callable[[str], Any]) -> None:
    logs = client("logs")
    streams = logs.describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{served}")["logStreams"]
    assert all(stream["logStreamName"].startswith("variant-1/i-") for stream in streams)
    events = logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{served}")["events"]
    assert any("Started Sagemaker HTTPService" in event["message"] for event in events)

    def total(metric: str, statistic: str) -> float:
        dimensions = [{"Name": "EndpointName", "Value": served}, {"Name": "VariantName", "Value": "variant-1"}]
        points = client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName=metric, Dimensions=dimensions, Period=3600, Statistics=[statistic],
            StartTime=time.time() - 3600, EndTime=time.time() + 3600,
        )["Datapoints"]  # fmt: skip
        return float(sum(point[statistic] for point in points))

    before = total("Invocations", "Sum")
    for _ in range(5):
        make.invoke(served, request(1))
    deadline = time.monotonic() + 60
    while total("Invocations", "Sum") < before + 5 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert total("Invocations", "Sum") >= before + 5
    assert 0 < total("ModelLatency", "Minimum") < 1e6


def test_delete_leaves_nothing(make: Maker, served: str, shared: dict[str, str], cloud: Cloud) -> None:
    shared.clear()
    make.delete(served)
    assert (processes(cloud, SERVER), processes(cloud, STUB)) == ([], [])
    assert not (cloud.state / "endpoints" / served).exists()
    with pytest.raises(ClientError, match="Could not find endpoint"):
        make.sagemaker.describe_endpoint(EndpointName=served)


def test_variants_share_requests_by_weight(make: Maker) -> None:
    name = make.endpoint(make.config(make.model(), make.model("other"), weights=(3.0, 1.0)))
    counts = Counter(make.invoke(name, request(1))["InvokedProductionVariant"] for _ in range(400))
    assert counts["variant-1"] / 400 == pytest.approx(0.75, abs=0.1)
    assert numbers(make.invoke(name, request(1), TargetVariant="variant-2"))[0] == 10.0
    wanted = [{"VariantName": "variant-1", "DesiredWeight": 0.0}]
    make.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)
    assert {make.invoke(name, request(1))["InvokedProductionVariant"] for _ in range(20)} == {"variant-2"}
    make.delete(name)


@pytest.mark.parametrize(
    ("archive", "reason"),
    [("broken", "Protobuf parsing failed"), ("missing", "Failed to download model data")],
)
def test_an_endpoint_that_cannot_start_tells_why(make: Maker, cloud: Cloud, archive: str, reason: str) -> None:
    before = processes(cloud, SERVER)
    name = make.endpoint(make.config(make.model(archive)))
    described = make.settled(name)
    assert described["EndpointStatus"] == "Failed"
    assert reason in described["FailureReason"]
    with pytest.raises(make.runtime.exceptions.ValidationError, match="not found"):
        make.invoke(name, request(1))
    make.delete(name)
    assert processes(cloud, SERVER) == before


def test_the_role_must_be_able_to_read(make: Maker, role: Callable[..., str]) -> None:
    name = make.endpoint(make.config(make.model(role=role(LOGS))))
    described = make.settled(name)
    assert described["EndpointStatus"] == "Failed"
    assert "AccessDenied" in described["FailureReason"]
    make.delete(name)


@pytest.fixture
def other_cloud(new_cloud: Callable[..., Cloud]) -> Cloud:
    found = new_cloud()
    found.up()
    return found


def test_a_restart_of_the_cloud_serves_again(other_cloud: Cloud, archives: dict[str, bytes]) -> None:
    cloud = other_cloud

    def get(service: str) -> Any:
        return new_client(cloud, service)

    trust = policy({"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"})
    arn = get("iam").create_role(RoleName="serving", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    get("iam").put_role_policy(RoleName="serving", PolicyName="inline", PolicyDocument=policy(READ, LOGS))
    get("s3").create_bucket(Bucket="models")
    make = Maker(get, archives, arn, "models")
    name = make.endpoint(make.config(make.model()))
    assert numbers(make.invoke(name, request(1)))[0] == 1.0
    # In the middle of an update: its first half is lost with the fleet, so it begins again.
    other = make.config(make.model("other"))
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 4}
    guarded = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    make.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=other, DeploymentConfig=guarded)
    while numbers(make.invoke(name, request(1)))[0] == 1.0:
        assert make.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating"
    cloud.down()
    assert (processes(cloud, SERVER), processes(cloud, STUB)) == ([], [])
    cloud.up()
    assert make.settled(name, "Updating")["EndpointConfigName"] != other
    assert make.settled(name)["EndpointConfigName"] == other
    assert numbers(make.invoke(name, request(1)))[0] == 10.0
    daemon = cloud.status().pid
    assert daemon
    os.kill(daemon, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while (processes(cloud, SERVER) or processes(cloud, STUB)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (processes(cloud, SERVER), processes(cloud, STUB)) == ([], [])
    cloud.up()
    make.settled(name)
    assert numbers(make.invoke(name, request(1)))[0] == 10.0


def test_an_endpoint_can_be_deleted_at_any_moment_and_made_again(make: Maker, cloud: Cloud) -> None:
    before = processes(cloud, SERVER)
    config, name = make.config(make.model()), "short-lived"
    for seconds in (0.0, 0.3, 1.0):
        make.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        time.sleep(seconds)
        make.delete(name)
        assert processes(cloud, SERVER) == before
    make.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    assert make.settled(name)["EndpointStatus"] == "InService"
    make.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=make.config(make.model("other")))
    time.sleep(0.5)
    make.delete(name)
    assert processes(cloud, SERVER) == before
    assert not (cloud.state / "endpoints" / name).exists()

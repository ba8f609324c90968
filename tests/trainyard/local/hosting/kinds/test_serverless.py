"""Containers that come with requests."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from trainyard.local.cloud import Cloud

from ..conftest import Gate, Maker
from .conftest import Figures, answered, body

pytestmark = pytest.mark.slow


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


def test_serverless_containers_come_with_requests_and_go_without(
    make: Maker, figures: Figures, gate: Gate, here: Cloud
) -> None:
    name = serverless(make, concurrency=3)
    described = make.sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"][0]
    assert described["CurrentServerlessConfig"] == {"MemorySizeInMB": 1024, "MaxConcurrency": 3}
    first = answered(make.invoke(name, body(1)))
    assert first["data"] == [2]
    with ThreadPoolExecutor(3) as pool:
        requests = [pool.submit(make.invoke, name, body(1, wanted=gate.wanted)) for _ in range(3)]
        gate.waiting(3)
        with pytest.raises(ClientError) as throttled:
            make.invoke(name, body(1))
        gate.open()
        together = {answered(request.result())["server"] for request in requests}
    assert throttled.value.response["Error"]["Code"] == "ThrottlingException"
    assert len(together) == 3
    found = figures(name, "ModelSetupTime", "ServerlessConcurrentExecutionsUtilization", VariantName="all")
    assert found["ModelSetupTime"] > 0
    deadline = time.monotonic() + 60
    while [*(here.state / "endpoints" / name).rglob("instance-*")]:
        assert time.monotonic() < deadline, "nobody asks, and containers stay"
        time.sleep(0.05)
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
    # More than five minutes of this cloud without a request.
    time.sleep(1.5)
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

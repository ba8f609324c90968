"""Many models behind one endpoint on a real Triton, whose memory holds two of them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ml_contract.archive import pack
from trainyard.local.cloud import ACCOUNT, REGION, Cloud
from trainyard.local.namespaces.network import available

from .conftest import Maker
from .test_endpoints import STUB, processes

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(available()), reason=available() or "-")]
_MODEL = """
import triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        return [
            pb.InferenceResponse([pb.Tensor("y", pb.get_input_tensor_by_name(one, "x").as_numpy() + {constant})])
            for one in requests
        ]
"""
_CONFIG = """
backend: "python"
max_batch_size: 8
input [ {{ name: "x", data_type: {dtype}, dims: [ -1 ] }} ]
output [ {{ name: "y", data_type: TYPE_INT64, dims: [ -1 ] }} ]
"""
# /dev/shm of an ml.c5.large has 2 GiB: two models that reserve 900 MB each.
_SHARED_MEMORY = str(900 * 1000 * 1000)


def adder(folder: Path, constant: int, dtype: str = "TYPE_INT64") -> bytes:
    """A model.tar.gz whose model adds a constant; every one is called `adder` inside."""
    version = folder / "adder" / "1"
    version.mkdir(parents=True)
    (version / "model.py").write_text(_MODEL.format(constant=constant))
    (version.parent / "config.pbtxt").write_text(_CONFIG.format(dtype=dtype))
    pack(folder, folder.parent / f"{folder.name}.tar.gz")
    return (folder.parent / f"{folder.name}.tar.gz").read_bytes()


@pytest.fixture(scope="module")
def shared() -> dict[str, str]:
    return {}


@pytest.fixture
def served(make: Maker, shared: dict[str, str], tmp_path: Path) -> str:
    if "name" not in shared:
        archives = {f"team/m{number}.tar.gz": adder(tmp_path / f"m{number}", 100 * number) for number in range(4)}
        archives["broken.tar.gz"] = adder(tmp_path / "broken", 1, dtype="TYPE_INT65")
        archives["corrupt.tar.gz"] = b"no archive"
        variables = {"SAGEMAKER_TRITON_SHM_DEFAULT_BYTE_SIZE": _SHARED_MEMORY}
        model = make.many_models(archives, Environment=variables)
        shared["name"] = make.endpoint(make.config(model, instance="ml.c5.large"))
    assert make.settled(shared["name"])["EndpointStatus"] == "InService"
    return shared["name"]


def body(*values: int) -> bytes:
    row = {"name": "x", "datatype": "INT64", "shape": [1, len(values)], "data": list(values)}
    return json.dumps({"inputs": [row]}).encode()


def ask(make: Maker, name: str, target: str, value: int) -> int:
    answer = make.invoke(name, body(value), TargetModel=target)
    return int(json.loads(answer["Body"].read())["outputs"][0]["data"][0])


def test_every_answer_is_the_right_models(make: Maker, served: str, cloud: Cloud) -> None:
    # Three models where two fit, so that some have to go and one has to come back.
    wanted = [(model, number) for number, model in enumerate((0, 1, 0, 1, 2, 2, 0))]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda pair: ask(make, served, f"team/m{pair[0]}.tar.gz", pair[1]), wanted))
    assert answers == [100 * model + number for model, number in wanted]
    # Its process may end some time after the model.
    deadline = time.monotonic() + 60
    while len(found := processes(cloud, STUB)) > 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(found) == 2


def test_a_model_whose_process_is_killed_comes_back(make: Maker, served: str, cloud: Cloud) -> None:
    assert [ask(make, served, f"team/m{number}.tar.gz", 1) for number in (0, 2)] == [1, 201]
    os.kill(processes(cloud, STUB)[0], signal.SIGKILL)
    answers: list[int | str] = []
    deadline = time.monotonic() + 60
    while answers[-4:] != [1, 201] * 2 and time.monotonic() < deadline:
        for number in (0, 2):
            try:
                answers.append(ask(make, served, f"team/m{number}.tar.gz", 1))
            except ClientError as error:
                answers.append(error.response["Error"]["Code"])
    assert answers[-4:] == [1, 201] * 2
    # One request met the dead process; those that came while the server was replaced were told so.
    assert answers.count("ModelError") == 1
    assert set(answers) <= {1, 201, "ModelError", "ServiceUnavailable"}


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("nobody.tar.gz", "ValidationError", "Failed to download model data(bucket: "),
        ("corrupt.tar.gz", "ValidationError", "Failed to extract model data archive corrupt.tar.gz"),
        ("broken.tar.gz", "ModelError", "failed to load 'broken.tar.gz'"),
    ],
)
def test_models_that_cannot_be_had(make: Maker, served: str, target: str, code: str, words: str) -> None:
    with pytest.raises(make.runtime.exceptions.ClientError) as raised:
        make.invoke(served, body(1), TargetModel=target)
    error = raised.value.response["Error"]
    assert (error["Code"], words in error["Message"]) == (code, True), error


def test_no_body_reaches_the_server_that_would_end_it(make: Maker, served: str, cloud: Cloud) -> None:
    before = processes(cloud, "tritonserver")
    for content in (b"hello", b"[" * 200_000, json.dumps({"inputs": [{"name": "x"}]}).encode()):
        with pytest.raises(make.runtime.exceptions.ModelError) as raised:
            make.invoke(served, content, TargetModel="team/m2.tar.gz")
        assert raised.value.response["OriginalStatusCode"] == 400
    assert processes(cloud, "tritonserver") == before


def test_a_policy_may_name_the_models(
    make: Maker, served: str, role: Callable[..., str], as_role: Callable[[str], Any]
) -> None:
    allowed = {
        "Effect": "Allow",
        "Action": "sagemaker:InvokeEndpoint",
        "Resource": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{served}",
        "Condition": {"StringLike": {"sagemaker:TargetModel": ["team/*"]}},
    }
    runtime = as_role(role(allowed))("sagemaker-runtime")
    arguments = {"EndpointName": served, "ContentType": "application/json", "Body": body(1)}
    assert runtime.invoke_endpoint(TargetModel="team/m2.tar.gz", **arguments)["Body"].read()
    with pytest.raises(runtime.exceptions.ClientError, match="AccessDenied"):
        runtime.invoke_endpoint(TargetModel="broken.tar.gz", **arguments)


def test_the_metrics_of_many_models(served: str, client: Callable[[str], Any]) -> None:
    wanted = {"ModelLoadingWaitTime", "ModelDownloadingTime", "ModelLoadingTime", "ModelCacheHit", "LoadedModelCount"}
    dimensions = [{"Name": "EndpointName", "Value": served}]
    names: set[str] = set()
    deadline = time.monotonic() + 60
    while not wanted <= names and time.monotonic() < deadline:
        rows = client("cloudwatch").list_metrics(Namespace="AWS/SageMaker", Dimensions=dimensions)["Metrics"]
        names = {row["MetricName"] for row in rows}
        time.sleep(0.2)
    assert wanted <= names

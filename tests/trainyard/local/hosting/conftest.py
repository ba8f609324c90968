"""A tiny ONNX model as an endpoint serves it, and endpoints of it."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper
from ports import free_port

from inference_code.repository import build
from ml_contract.archive import pack
from ml_contract.manifest import ArtifactManifest
from ml_contract.packaging import PackageOptions
from ml_contract.signature import DType, ModelSignature, Tensor
from trainyard.local.cloud import Cloud
from trainyard.local.hosting.container import Blueprint

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:26.05-py3"
READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
LOGS = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
SIGNATURE = ModelSignature(
    inputs=(Tensor(name="tokens", dtype=DType.INT64, shape=(-1,)),),
    outputs=(Tensor(name="logits", dtype=DType.FP32, shape=(-1, 4)),),
    max_batch_size=8,
)
Wait = Callable[[str], dict[str, Any]]


def write_artifact(folder: Path, scale: float = 1.0) -> Path:
    """An artifact whose graph gives token · scale · (1, 2, 3, 4) for every token."""
    folder.mkdir(parents=True)
    nodes = [
        helper.make_node("Cast", ["tokens"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["float", "axes"], ["column"]),
        helper.make_node("Mul", ["column", "row"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "sequence"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence", 4])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [1], [2]),
            helper.make_tensor("row", TensorProto.FLOAT, [4], [scale * number for number in (1, 2, 3, 4)]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    ArtifactManifest.describe(folder, workload="tiny", signature=SIGNATURE, metrics={}, provenance={}).write(folder)
    return folder


def write_archive(folder: Path, scale: float = 1.0, *, broken: bool = False) -> Path:
    """model.tar.gz as the Package step writes it; a broken one has a graph that is none."""
    build(write_artifact(folder / "artifact", scale), folder / "repository", PackageOptions(backend="python"))
    if broken:
        (folder / "repository" / "tiny" / "1" / "model.onnx").write_bytes(b"no graph")
    archive = folder / "model.tar.gz"
    pack(folder / "repository", archive)
    return archive


def request(*tokens: int) -> bytes:
    """An inference request for one row of tokens."""
    row = {"name": "tokens", "datatype": "INT64", "shape": [1, len(tokens)], "data": list(tokens)}
    return json.dumps({"inputs": [row]}).encode()


def numbers(answer: dict[str, Any]) -> list[float]:
    """The numbers that an endpoint answered."""
    return list(json.loads(answer["Body"].read())["outputs"][0]["data"])


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Archives by name: `good` and `other` (scale 1 and 10), and `broken`."""
    folder = tmp_path_factory.mktemp("archives")
    return {
        "good": write_archive(folder / "good").read_bytes(),
        "other": write_archive(folder / "other", 10.0).read_bytes(),
        "broken": write_archive(folder / "broken", broken=True).read_bytes(),
    }


class Maker:
    """Makes models, configurations and endpoints on a cloud."""

    def __init__(
        self, client: Callable[[str], Any], archives: dict[str, bytes], role: str, bucket: str, image: str = IMAGE
    ) -> None:
        self._image = image
        self.sagemaker, self.runtime = client("sagemaker"), client("sagemaker-runtime")
        self._s3, self._archives, self._role, self._bucket = client("s3"), archives, role, bucket

    def model(self, archive: str = "good", *, role: str = "", **variables: str) -> str:
        """Uploads an archive and creates a model of it, with variables of its container."""
        name = f"model-{uuid.uuid4().hex[:8]}"
        if archive in self._archives:
            self._s3.put_object(Bucket=self._bucket, Key=f"{name}/model.tar.gz", Body=self._archives[archive])
        url = f"s3://{self._bucket}/{name}/model.tar.gz"
        container = {"Image": self._image, "ModelDataUrl": url, "Environment": variables}
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role or self._role)
        return name

    def many_models(self, archives: dict[str, bytes], **container: Any) -> str:
        """Uploads archives below a prefix and creates a model of all of them."""
        prefix = f"models-{uuid.uuid4().hex[:8]}/"
        for name, content in archives.items():
            self._s3.put_object(Bucket=self._bucket, Key=f"{prefix}{name}", Body=content)
        url = f"s3://{self._bucket}/{prefix}"
        definition = {"Image": self._image, "ModelDataUrl": url, "Mode": "MultiModel", **container}
        name = f"model-{uuid.uuid4().hex[:8]}"
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=definition, ExecutionRoleArn=self._role)
        return name

    def config(
        self,
        *models: str,
        count: int = 1,
        weights: tuple[float, ...] = (),
        instance: str = "ml.c5.xlarge",
        **changes: Any,
    ) -> str:
        """Creates a configuration with a variant for each model."""
        name = f"config-{uuid.uuid4().hex[:8]}"
        variants = [
            {
                "VariantName": f"variant-{index + 1}",
                "ModelName": model,
                "InstanceType": instance,
                "InitialInstanceCount": count,
                "InitialVariantWeight": weights[index] if weights else 1.0,
                "ContainerStartupHealthCheckTimeoutInSeconds": 60,
            }
            for index, model in enumerate(models)
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **changes)
        return name

    def endpoint(self, config: str) -> str:
        """Creates an endpoint and waits until it is InService or Failed."""
        name = f"endpoint-{uuid.uuid4().hex[:8]}"
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        self.settled(name)
        return name

    def settled(self, name: str, *statuses: str, seconds: float = 60.0) -> dict[str, Any]:
        """Waits until an endpoint has one of these statuses: InService or Failed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.sagemaker.describe_endpoint(EndpointName=name)
            if found["EndpointStatus"] in (statuses or ("InService", "Failed")):
                return dict(found)
            time.sleep(0.1)
        raise AssertionError(f"{name} is still {found['EndpointStatus']}: {found.get('FailureReason')}")

    def invoke(self, name: str, body: bytes, **arguments: Any) -> dict[str, Any]:
        """Invokes an endpoint."""
        content = {"ContentType": "application/json", **arguments}
        return dict(self.runtime.invoke_endpoint(EndpointName=name, Body=body, **content))

    def delete(self, name: str) -> None:
        """Deletes an endpoint and waits until it is gone."""
        self.sagemaker.delete_endpoint(EndpointName=name)
        self.sagemaker.get_waiter("endpoint_deleted").wait(
            EndpointName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
        )


@pytest.fixture
def make(client: Callable[[str], Any], archives: dict[str, bytes], role: Callable[..., str], bucket: str) -> Maker:
    """Makes models, configurations and endpoints on the session's cloud."""
    return Maker(client, archives, role(READ, LOGS), bucket)


@contextmanager
def hurried_cloud(folder: Path) -> Iterator[Cloud]:
    """A cloud whose alarms and policies take four seconds for a minute."""
    found = Cloud(folder, free_port(), options=("--minute-seconds", "4"))
    found.up()
    try:
        yield found
    finally:
        found.down()


class Gate:
    """Where requests of the stand-in wait, and are counted: a folder that it sees, too."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.wanted = f"gate {folder}"
        """What the body's `id` says."""

    def waiting(self, count: int) -> None:
        """Returns when so many have come to it."""
        deadline = time.monotonic() + 60
        while len([path for path in self.folder.iterdir() if path.name != "open"]) < count:
            assert time.monotonic() < deadline, f"not {count} requests within 60 s"
            time.sleep(0.01)

    def open(self) -> None:
        """Lets them and all others pass."""
        (self.folder / "open").touch()

    def shut(self) -> None:
        """Lets nobody pass who comes from now on."""
        (self.folder / "open").unlink()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate that is shut; it opens when the test ends."""
    made = Gate(tmp_path / "gate")
    yield made
    made.open()


def stand_in_environment(folder: Path) -> Path:
    """An environment whose program `serve` is the stand-in."""
    program = folder / "stand-in" / "bin" / "serve"
    if not program.exists():
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\nexec {sys.executable} -S {Path(__file__).with_name('stand_in.py')}\n")
        program.chmod(0o755)
    return program.parents[1]


def stand_in_blueprint(folder: Path, **variables: str) -> Blueprint:
    """A container of the stand-in without a model, as a plain process."""
    return Blueprint(
        archive=None,
        environment=stand_in_environment(folder),
        variables={"PATH": "/usr/bin:/bin", **variables},
        derived=folder / "derived",
        endpoint_url="http://127.0.0.1:9",
        isolation="processes",
    )

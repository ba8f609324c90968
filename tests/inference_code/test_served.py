"""What the options say is what a real server does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import InferenceServerException

from inference_code.repository import build
from ml_contract.packaging import (
    CpuInstances,
    DynamicBatching,
    Int8,
    LevelPolicy,
    PackageOptions,
    Parameter,
    Priorities,
    QueuePolicy,
    Warmup,
)

from .graphs import write_artifact
from .served import Server, serving

pytestmark = pytest.mark.slow

OPTIONS = PackageOptions(
    backend="python",
    max_batch_size=4,
    batching=DynamicBatching(
        preferred_sizes=(2, 4),
        max_queue_delay_microseconds=200,
        queue=QueuePolicy(max_queue_size=32, default_timeout_microseconds=5_000_000, allow_timeout_override=True),
        priorities=Priorities(
            levels=2, default=2, policies=(LevelPolicy(level=1, policy=QueuePolicy(max_queue_size=8)),)
        ),
    ),
    instances=CpuInstances(count=2),
    warmup=(Warmup(batch_size=2, count=2, length=5),),
    response_cache=True,
    quantization=Int8(),
    parameters=(Parameter(key="session.intra_op.allow_spinning", value="0"),),
    version=3,
)
"""Every option that the backend of this machine takes."""
WAITING = PackageOptions(
    backend="python",
    batching=DynamicBatching(
        max_queue_delay_microseconds=400_000, queue=QueuePolicy(default_timeout_microseconds=1)
    ),
)  # fmt: skip
"""A request waits longer than it may."""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repositories")
    artifact = write_artifact(folder / "artifact")
    for name, options in (("everything", OPTIONS), ("waiting", WAITING)):
        built = folder / "built" / name
        build(artifact, built, options)
        text = (built / "bytes_lm" / "config.pbtxt").read_text().replace('"bytes_lm"', f'"{name}"')
        (built / "bytes_lm" / "config.pbtxt").write_text(text)
        (folder / "served").mkdir(exist_ok=True)
        (built / "bytes_lm").rename(folder / "served" / name)
    return folder


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(repository / "served", tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(scope="module")
def everything(server: Server) -> Server:
    server.load("everything")
    return server


def test_the_server_runs_what_was_written(everything: Server, repository: Path) -> None:
    found = everything.client.get_model_config("everything").config
    written = text_format.Parse(
        (repository / "served/everything/config.pbtxt").read_text(), model_config_pb2.ModelConfig()
    )
    for field in ("max_batch_size", "dynamic_batching", "model_warmup", "response_cache", "version_policy", "input"):
        assert getattr(found, field) == getattr(written, field), field
    assert [(group.count, group.kind) for group in found.instance_group] == [
        (group.count, group.kind) for group in written.instance_group
    ]
    assert everything.client.is_model_ready("everything", "3")
    log = everything.log.read_text()
    assert log.count("TRITONBACKEND_ModelInstanceInitialize: everything_0_") == 2


def test_equal_requests_are_answered_from_memory(everything: Server, repository: Path) -> None:
    tokens = np.arange(6, dtype=np.int64).reshape(2, 3)
    before = everything.hits("everything")
    answers = [everything.ask("everything", {"tokens": tokens}, priority=1)["logits"] for _ in range(3)]
    assert everything.hits("everything") - before == 2
    graph = onnxruntime.InferenceSession(repository / "served/everything/3/model.onnx")
    for answer in answers:
        np.testing.assert_allclose(answer, graph.run(None, {"tokens": tokens})[0], rtol=1e-5, atol=1e-5)


def test_a_request_that_waits_too_long_is_refused(server: Server) -> None:
    server.load("waiting")
    with pytest.raises(InferenceServerException, match=r"(?i)timeout expired"):
        server.ask("waiting", {"tokens": np.zeros((1, 2), np.int64)})


def test_a_larger_batch_than_the_options_allow(everything: Server) -> None:
    with pytest.raises(InferenceServerException, match="must be <= 4"):
        everything.ask("everything", {"tokens": np.full((5, 2), 7, np.int64)})

"""A language model as the trainer exports it, behind an endpoint that a real vLLM answers. `make lmi` runs it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from ml_contract import lmi
from ml_contract.archive import pack
from ml_contract.images import LMI_VLLM, image_uri
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.workloads.llama import Llama
from training_code.export import describe
from training_code.workloads.llama import export
from training_code.workloads.llama.model import LlamaModel

from .conftest import LOGS, READ, Maker

pytestmark = [pytest.mark.lmi, pytest.mark.slow, pytest.mark.timeout(600)]
# A head of 32: vLLM's attention on CPU takes no smaller one.
SHAPE = Llama(vocabulary=256, hidden=96, intermediate=256, layers=3, heads=3, kv_heads=1, sequence_length=128)
PROMPT = "def __init__(self"
TOKENS = 16


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llama")
    torch.manual_seed(0)
    weights = {name: torch.randn_like(value) * 0.2 for name, value in LlamaModel(SHAPE).state_dict().items()}
    # Half of a character is written differently by whoever decodes it: what is written stays printable.
    for silent in (slice(None, 0x21), slice(0x7F, None)):
        weights["scores.weight"][silent] = 0
    run = TrainingRun(workload=SHAPE, optimizer=AdamW(learning_rate=1e-3), global_batch_size=1, steps=1)
    export.write(folder, SHAPE, describe(run, weights, steps=1, figures={}), data=None)
    return folder


@pytest.fixture(scope="module")
def expected(artifact: Path) -> str:
    """What transformers writes after the prompt, taking the likeliest token each time."""
    model = AutoModelForCausalLM.from_pretrained(artifact, dtype=torch.float32)
    prompt = torch.tensor([list(PROMPT.encode())])
    written = model.generate(prompt, max_new_tokens=TOKENS, do_sample=False, pad_token_id=0)[0, prompt.shape[1] :]
    return bytes(written.tolist()).decode()


@pytest.fixture
def endpoint(
    client: Callable[[str], Any], make: Maker, role: Callable[..., str], bucket: str, artifact: Path, tmp_path: Path
) -> Iterator[str]:
    pack(artifact, tmp_path / "model.tar.gz")
    key = f"{uuid.uuid4().hex}/model.tar.gz"
    client("s3").upload_file(str(tmp_path / "model.tar.gz"), bucket, key)
    options = {"dtype": "fp32", "max_model_len": 64, "enforce_eager": True, "rolling_batch": "disable"}
    container = {
        "Image": image_uri(LMI_VLLM, "us-east-1"),
        "ModelDataUrl": f"s3://{bucket}/{key}",
        "Environment": {"HF_MODEL_ID": "/opt/ml/model", **lmi.render("vllm", options)},
    }
    name = f"llama-{uuid.uuid4().hex[:8]}"
    make.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role(READ, LOGS))
    make.sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {"VariantName": "live", "ModelName": name, "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1,
             "ContainerStartupHealthCheckTimeoutInSeconds": 300},
        ],
    )  # fmt: skip
    make.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    found = make.settled(name, seconds=300)
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    yield name
    make.delete(name)


def body(**changes: Any) -> bytes:
    return json.dumps({"prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0, **changes}).encode()


def test_it_writes_what_transformers_writes_whole_and_as_a_stream(make: Maker, endpoint: str, expected: str) -> None:
    whole = json.loads(make.invoke(endpoint, body())["Body"].read())
    assert whole["choices"][0]["text"] == expected
    answer = make.runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, Body=body(stream=True), ContentType="application/json"
    )
    sent = b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"])
    events = [json.loads(line[6:]) for line in sent.decode().splitlines() if line.startswith("data: {")]
    assert len(events) > 1
    assert "".join(event["choices"][0]["text"] for event in events) == expected

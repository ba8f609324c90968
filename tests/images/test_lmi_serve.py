"""What the LMI environment starts for the options that an endpoint's container has."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ml_contract.lmi import OPTIONS

SERVE = Path(__file__).parents[2] / "images" / "lmi" / "serve.py"
VLLM = Path(__file__).parents[2] / ".trainyard" / "envs" / "lmi" / "bin" / "python"


@pytest.fixture(scope="module")
def serve() -> dict[str, Any]:
    return runpy.run_path(str(SERVE))


def flags(serve: dict[str, Any], **variables: str) -> list[str]:
    found: list[str] = serve["command"](variables)
    return found[found.index("--disable-uvicorn-access-log") + 1 :]


def test_the_model_is_what_sagemaker_has_laid_out(serve: dict[str, Any]) -> None:
    found = serve["command"]({"HF_MODEL_ID": "/opt/ml/model"})
    assert found[:6] == ["--model", "/opt/ml/model", "--host", "127.0.0.1", "--port", "8080"]


def test_without_a_file_system_of_its_own_it_finds_its_place(serve: dict[str, Any]) -> None:
    place = {"SAGEMAKER_BASE_DIR": "/tmp/algo-1", "SAGEMAKER_BIND_TO_PORT": "4711"}
    found = serve["command"]({**place, "OPTION_MODEL_ID": "/opt/ml/model"})
    assert found[:6] == ["--model", "/tmp/algo-1/model", "--host", "127.0.0.1", "--port", "4711"]


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("OPTION_MAX_MODEL_LEN", "64", ["--max-model-len", "64"]),
        ("OPTION_DTYPE", "fp32", ["--dtype", "float32"]),
        ("OPTION_QUANTIZE", "fp8", ["--quantization", "fp8"]),
        ("OPTION_MAX_ROLLING_BATCH_SIZE", "8", ["--max-num-seqs", "8"]),
        ("TENSOR_PARALLEL_DEGREE", "2", ["--tensor-parallel-size", "2"]),
        ("OPTION_ENFORCE_EAGER", "true", ["--enforce-eager"]),
        ("OPTION_ENABLE_PREFIX_CACHING", "false", ["--no-enable-prefix-caching"]),
        ("OPTION_SPECULATIVE_CONFIG", '{"method":"ngram"}', ["--speculative-config", '{"method":"ngram"}']),
        ("OPTION_ROLLING_BATCH", "disable", []),
        ("SAGEMAKER_REGION", "us-east-1", []),
    ],
)
def test_an_option_becomes_what_the_engine_calls_it(
    serve: dict[str, Any], variable: str, value: str, wanted: list[str]
) -> None:
    assert flags(serve, **{variable: value}) == wanted


@pytest.mark.lmi
def test_every_option_of_the_table_is_one_of_the_engine_or_of_its_server(serve: dict[str, Any]) -> None:
    command = [VLLM, "-m", "vllm.entrypoints.openai.api_server", "--help=all"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env={"HF_HUB_OFFLINE": "1"}).stdout
    known = set(re.findall(r"--[a-z0-9-]+", told))
    options = set(OPTIONS["vllm"]) - serve["OF_THE_SERVER"]
    assert {name for name in options if f"--{serve['FLAGS'].get(name, name.replace('_', '-'))}" not in known} == set()

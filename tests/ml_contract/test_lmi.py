"""Options of the LMI images."""

import ast
import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthesis import ROOT

from ml_contract.errors import ContractError
from ml_contract.lmi import OPTIONS, EngineName, OptionValue, render, variable


@pytest.mark.parametrize(
    ("value", "written"),
    [(True, "true"), (0.5, "0.5"), ({"b": 1, "a": None}, '{"a":null,"b":1}')],
)
def test_values_are_written_as_the_container_reads_them(value: OptionValue, written: str) -> None:
    name = {bool: "enforce_eager", float: "gpu_memory_utilization", dict: "hf_overrides"}[type(value)]
    assert render("vllm", {name: value}) == {variable(name): written}


def test_a_whole_number_stands_for_one_with_a_fraction() -> None:
    assert render("vllm", {"gpu_memory_utilization": 1}) == {"OPTION_GPU_MEMORY_UTILIZATION": "1.0"}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("max_modle_len", r"Did you mean max_model_len\?"),
        ("option.enable_prefix_cacheing", r"Did you mean enable_prefix_caching\?"),
        ("MAX_MODEL_LEN", r"Did you mean max_model_len\?"),
        ("max_num_seqs", r"LMI calls it max_rolling_batch_size\."),
        ("max_beam_width", r"It is an option of tensorrt-llm\."),
        ("zzz", r"A new option is one row in ml_contract/lmi\.py\."),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_one(name: str, hint: str) -> None:
    with pytest.raises(ContractError, match=rf"^options\.{name}: got 1, but LMI's vllm has no option .* {hint}$"):
        render("vllm", {name: 1})


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("quantize", "int3", "LMI's vllm takes fp8, bitsandbytes"),
        ("quantize", "awq", "LMI's vllm takes fp8, bitsandbytes"),
        ("max_model_len", "8192", "it takes a whole number"),
        ("max_model_len", True, "it takes a whole number"),
        ("enforce_eager", 1, "it takes True or False"),
        ("speculative_config", '{"method":"ngram"}', "it takes a mapping"),
        ("gpu_memory_utilization", 1.5, "it must be between 0 and 1"),
        ("max_lora_rank", 17, "LMI's vllm takes 1, 8, 16"),
        ("max_loras", 0, "it must be at least 1"),
        ("rolling_batch", "lmi-dist", "LMI's vllm takes auto, disable, vllm"),
    ],
)
def test_a_value_that_the_image_would_take_and_the_engine_not_is_refused(
    name: str, value: OptionValue, rule: str
) -> None:
    with pytest.raises(ContractError, match=rf"^options\.{name}: got .*, but {rule}"):
        render("vllm", {name: value})


@given(st.sampled_from(get_args(EngineName)), st.data())
def test_what_the_table_allows_is_rendered(engine: EngineName, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(OPTIONS[engine])))
    option = OPTIONS[engine][name]
    low, high = int(option.low or 0), int(option.high or 2**31)
    values: dict[object, st.SearchStrategy[OptionValue]] = {
        bool: st.booleans(),
        int: st.sampled_from(option.choices) if option.choices else st.integers(low, high),
        float: st.floats(low, high, allow_nan=False),
        str: st.sampled_from(option.choices) if option.choices else st.text(),
        dict: st.dictionaries(st.text(), st.integers()),
    }
    value = data.draw(values[option.type])
    written = render(engine, {name: value})[variable(name)]
    assert (json.loads(written) if option.type is dict else written) == (
        value if option.type is dict else str(value).lower() if option.type is bool else str(value)
    )


OF_LMI_ITSELF = {
    "chat_template", "chat_template_content_format", "cpu_offload_gb_per_gpu", "enable_auto_tool_choice",
    "enable_reasoning", "lmcache_auto_config", "max_rolling_batch_prefill_tokens", "max_rolling_batch_size",
    "model_loading_timeout", "pipeline_parallel_degree", "predict_timeout", "quantize", "rolling_batch", "task",
    "tensor_parallel_degree", "tool_call_parser",
}  # fmt: skip
"""Options that the container reads; all others are passed through to vLLM."""


def test_what_is_passed_through_is_an_argument_of_vllm() -> None:
    (*found,) = (ROOT / ".trainyard" / "envs" / "lmi").glob("lib/python3*/site-packages/vllm/engine/arg_utils.py")
    if not found:
        pytest.skip("vLLM is installed for `make lmi` only")
    tree = ast.parse(found[0].read_text())
    (engine,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "EngineArgs")
    arguments = {node.target.id for node in engine.body if isinstance(node, ast.AnnAssign)}
    assert set(OPTIONS["vllm"]) - OF_LMI_ITSELF <= arguments

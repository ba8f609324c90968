"""Shapes of Llama against published counts, and what its options refuse."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from ml_contract.hyperparameters import decode, encode
from ml_contract.training.layout import Layout
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.workloads.llama import (
    LLAMA_1_2B,
    LLAMA_7B,
    LLAMA_8B,
    LLAMA_13B,
    LLAMA_70B,
    LLAMA_TINY,
    MIXTRAL_8X7B,
    MIXTRAL_TINY,
    EvaluateOptions,
    Llama,
    PrepareOptions,
    RopeScaling,
)


@pytest.mark.parametrize(
    ("shape", "published"),
    [
        (LLAMA_7B, 6_738_415_616),
        (LLAMA_13B, 13_015_864_320),
        (LLAMA_70B, 68_976_648_192),
        (LLAMA_8B, 8_030_261_248),
        (LLAMA_1_2B, 1_235_814_400),
        (MIXTRAL_8X7B, 46_702_792_704),
    ],
)
def test_a_shape_has_as_many_parameters_as_its_model_card_says(shape: Llama, published: int) -> None:
    assert shape.size.parameters == published


def test_arithmetic_leaves_out_what_is_only_looked_up() -> None:
    # torchtitan's count for Llama 3 8B at sequence 8192: 6 x 7,504,924,672 + 12 x 32 x 4096 x 8192 a token.
    shape = replace(LLAMA_8B, sequence_length=8192)
    assert shape.flops_per_sample / 8192 == 6 * 7_504_924_672 + 12 * 32 * 4096 * 8192


def test_a_tied_matrix_is_multiplied_once() -> None:
    assert LLAMA_1_2B.size.looked_up == 0
    untied = replace(LLAMA_1_2B, tied=False)
    assert untied.size.parameters == LLAMA_1_2B.size.parameters + untied.size.looked_up
    assert untied.flops_per_sample == LLAMA_1_2B.flops_per_sample


def test_arithmetic_counts_the_experts_that_a_token_meets() -> None:
    # Mixtral's card says 12.9 billion.
    met = 12_879_925_248
    attention = 12 * 32 * 4096 * 4096
    assert MIXTRAL_8X7B.flops_per_sample / 4096 == 6 * (met - MIXTRAL_8X7B.size.looked_up) + attention


@given(experts=st.integers(2, 64), data=st.data())
def test_a_token_meets_as_much_as_in_a_dense_layer_as_wide_as_its_experts(experts: int, data: st.DataObject) -> None:
    chosen = data.draw(st.integers(2, experts))
    mixture = replace(LLAMA_TINY, experts=experts, experts_per_token=chosen)
    dense = replace(LLAMA_TINY, intermediate=chosen * LLAMA_TINY.intermediate)
    routers = mixture.layers * experts * mixture.hidden
    assert mixture.size.parameters - mixture.size.idle == dense.size.parameters + routers


def test_a_run_crosses_the_wall_with_its_shape() -> None:
    run = TrainingRun(workload=LLAMA_1_2B, optimizer=AdamW(learning_rate=1e-3), global_batch_size=1, steps=1)
    assert decode(TrainingRun, encode(run)) == run


@given(tensor=st.sampled_from([1, 2, 4, 8]))
def test_a_tensor_degree_that_divides_key_and_value_heads_fits(tensor: int) -> None:
    LLAMA_70B.check_layout(Layout(tensor=tensor), parts=1)


@given(tensor=st.sampled_from([16, 32, 64]))
def test_a_tensor_degree_that_divides_query_heads_alone_is_refused(tensor: int) -> None:
    with pytest.raises(ContractError, match=rf"strategy.tensor: got {tensor}, but it must divide kv_heads \(8\)"):
        LLAMA_70B.check_layout(Layout(tensor=tensor), parts=1)


@pytest.mark.parametrize(
    ("layout", "parts", "message"),
    [
        (Layout(tensor=2), 1, "strategy.tensor: got 2, but embedding and scores are divided each in its own way"),
        (Layout(pipeline=2), 2, "strategy.pipeline: got 2, but first and last stage would share the embedding"),
        (Layout(context=3), 1, "strategy.context: got 3, but twice of it must divide sequence_length (4096)"),
    ],
)
def test_a_layout_that_the_model_cannot_be_divided_by_is_refused(layout: Layout, parts: int, message: str) -> None:
    with pytest.raises(ContractError) as refused:
        LLAMA_1_2B.check_layout(layout, parts=parts)
    assert str(refused.value).startswith(message)


def test_experts_are_not_divided_by_columns() -> None:
    with pytest.raises(ContractError, match=r"strategy.tensor: got 2, but experts \(4\) are not divided by it"):
        MIXTRAL_TINY.check_layout(Layout(tensor=2), parts=1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"experts": 1}, "experts: got 1, but a router chooses among at least 2"),
        ({"experts": -1}, "experts: got -1, but a router chooses among at least 2"),
        ({"experts": 4, "experts_per_token": 5}, "experts_per_token: got 5, but it must be between 2 and 4"),
        ({"experts": 4, "experts_per_token": 1}, "experts_per_token: got 1, but it must be between 2 and 4"),
        ({"experts": 4, "router_loss": -0.1}, "router_loss: got -0.1, but it must be between 0 and 1"),
        ({"experts_per_token": 1}, "experts_per_token: got 1, but there are no experts"),
        ({"router_loss": 0.1}, "router_loss: got 0.1, but there are no experts"),
    ],
)
def test_a_mixture_that_cannot_be_built_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError) as refused:
        replace(LLAMA_TINY, **fields)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("kv_heads", 4, "heads: got 6, but it must be a multiple of kv_heads (4)"),
        ("heads", 32, "hidden / heads: got 3, but it must be a multiple of 2"),
        ("layers", 0, "layers: got 0, but it must be at least 1"),
        ("norm_epsilon", 0.0, "norm_epsilon: got 0.0, but it must be greater than 0"),
    ],
)
def test_a_shape_that_cannot_be_built_is_refused(field: str, value: float, message: str) -> None:
    with pytest.raises(ContractError) as refused:
        replace(LLAMA_TINY, **{field: value})
    assert str(refused.value).startswith(message)


def test_frequencies_cannot_be_high_below_low() -> None:
    with pytest.raises(ContractError, match=r"high_frequency_factor: got 0\.5"):
        RopeScaling(factor=8, high_frequency_factor=0.5)


def test_an_end_token_wants_a_tokenizer() -> None:
    with pytest.raises(ContractError, match="end_token: got '</s>', but bytes have no such token"):
        PrepareOptions(end_token="</s>")


def test_an_evaluation_scores_at_least_one_token() -> None:
    with pytest.raises(ContractError, match="maximum_tokens: got 1"):
        EvaluateOptions(maximum_tokens=1)

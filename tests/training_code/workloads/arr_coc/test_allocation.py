"""Budgets hold their bounds for any relevance."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.workloads.arr_coc import ARR_COC_TINY, Relevance
from training_code.workloads.arr_coc.allocation import allocate

FULL = Relevance()
CASES = st.tuples(st.integers(0, 2**32 - 1), st.floats(0.01, 8), st.integers(12_800, 80_000))


def relevance(seed: int, spread: float, grid: int = 32) -> torch.Tensor:
    noise = torch.randn(2, grid, grid, generator=torch.Generator().manual_seed(seed))
    return (spread * noise).sigmoid()


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_budgets_are_squares_within_bounds_and_their_sum_within_the_total(case: tuple[int, float, int]) -> None:
    seed, spread, total = case
    found = allocate(relevance(seed, spread), replace(FULL, budget_total=total))
    assert found.budgets.shape == (2, 200)
    assert int(found.budgets.min()) >= 64
    assert int(found.budgets.max()) <= 400
    assert torch.equal(found.budgets.float().sqrt().round().long(), found.sides)
    assert all(12_800 <= int(each) <= total for each in found.budgets.sum(1))


@given(CASES)
@settings(max_examples=40, deadline=None)
def test_no_patch_has_fewer_tokens_than_a_less_relevant_one(case: tuple[int, float, int]) -> None:
    seed, spread, total = case
    found = allocate(relevance(seed, spread), replace(FULL, budget_total=total))
    for values, sides in zip(found.relevance, found.sides, strict=True):
        ordered = sides[values.argsort(descending=True, stable=True)]
        assert bool((ordered[:-1] >= ordered[1:]).all())


@given(CASES)
@settings(max_examples=40, deadline=None)
def test_what_is_left_would_not_raise_another_patch(case: tuple[int, float, int]) -> None:
    seed, spread, total = case
    found = allocate(relevance(seed, spread), replace(FULL, budget_total=total))
    left = total - found.budgets.sum(1)
    # A raise costs at most 39 tokens, from 19 to 20 a side; with all at 400 nothing can be raised.
    assert all(int(rest) < 39 or int(sides.min()) == 20 for rest, sides in zip(left, found.sides, strict=True))


def test_the_most_relevant_cells_are_chosen_in_reading_order() -> None:
    values = relevance(3, 2)
    found = allocate(values, FULL)
    assert torch.equal(found.cells, values.flatten(1).topk(200).indices.sort().values)


def test_equal_cells_are_taken_from_the_first_and_share_alike() -> None:
    found = allocate(torch.full((1, 8, 8), 0.5), ARR_COC_TINY.relevance)
    assert found.cells.tolist() == [list(range(8))]
    assert found.soft.tolist() == [pytest.approx([2.0] * 8)]


def test_the_budget_before_rounding_has_a_gradient() -> None:
    values = relevance(1, 1).requires_grad_()
    found = allocate(values, FULL)
    (found.soft * torch.linspace(0, 1, 200)).sum().backward()
    assert values.grad is not None
    assert int((values.grad != 0).sum()) > 200

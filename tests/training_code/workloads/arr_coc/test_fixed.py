"""The language model of fixed shapes computes what training's computes, whatever the budgets are."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ml_contract.workloads.arr_coc import ARR_COC_TINY, ArrCoc
from training_code.parallel.weights import initialize
from training_code.workloads.arr_coc.evaluate import uniform
from training_code.workloads.arr_coc.fixed import FixedLanguageModel
from training_code.workloads.arr_coc.graphs import request
from training_code.workloads.arr_coc.model import LanguageModel
from training_code.workloads.arr_coc.workload import ArrCocWorkload

pytestmark = pytest.mark.slow  # transformers takes seconds to import

TINY = ARR_COC_TINY
SIZES = replace(
    TINY,
    relevance=replace(TINY.relevance, patches=12, window=3, budget_low=4, budget_high=36, budget_total=150),
    vision=replace(TINY.vision, layers=3, taps=(0, 2)),
    language=replace(TINY.language, layers=3, tied=False),
)
"""Five sizes of crops, two taps, scores of their own."""
ONE_SIZE = replace(TINY, relevance=replace(TINY.relevance, patches=3, budget_low=9, budget_high=9, budget_total=27))


def built(options: ArrCoc) -> LanguageModel:
    """A model none of whose parts is at zero, where learning starts."""
    workload = ArrCocWorkload(options)
    with torch.device("meta"):
        model = workload.build()
    model.to_empty(device="cpu")
    initialize(model, workload, 0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return model.eval().language


@pytest.mark.parametrize("options", [TINY, SIZES, ONE_SIZE], ids=["tiny", "sizes", "one size"])
def test_the_same_numbers_for_any_relevance(options: ArrCoc) -> None:
    model = built(options)
    fixed = FixedLanguageModel(model)
    grid = options.relevance.grid
    generator = torch.Generator().manual_seed(1)
    given = request(4, options)
    peaked = torch.full((grid, grid), 1e-12)
    peaked[0, 0] = peaked[grid - 1, 2] = 1.0
    relevance = torch.stack((
        torch.rand((grid, grid), generator=generator), uniform(options.relevance), peaked,
        torch.rand((grid, grid), generator=generator) ** 8,
    ))  # fmt: skip
    with torch.no_grad():
        wanted, budgets = model(given["image"], relevance, given["text"])
        found, same = fixed(given["image"], relevance, given["text"])
    assert torch.equal(budgets, same)
    assert float(wanted.std()) > 0.1
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


def test_several_sizes_are_met() -> None:
    """Guards the test above: its crops are of more than two sizes."""
    with torch.no_grad():
        _, budgets = built(SIZES)(
            request(1, SIZES)["image"], torch.rand((1, 8, 8), generator=torch.Generator().manual_seed(1)) ** 8,
            request(1, SIZES)["text"],
        )  # fmt: skip
    assert len(budgets.unique()) > 2

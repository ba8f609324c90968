"""The model is the one whose size the contract tells, and starts where nothing is known."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.workloads import Digits
from training_code.parallel.weights import initialize
from training_code.workloads.digits.workload import DigitsWorkload


@given(channels=st.integers(1, 40), hidden=st.integers(1, 200))
@settings(max_examples=20, deadline=None)
def test_the_contract_knows_the_size(channels: int, hidden: int) -> None:
    workload = DigitsWorkload(Digits(channels=channels, hidden=hidden))
    with torch.device("meta"):
        model = workload.build()
    (block,) = workload.blocks(model).values()
    assert workload.options.size.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert workload.options.size.block_parameters == sum(parameter.numel() for parameter in block.parameters())


def test_the_contract_knows_the_arithmetic() -> None:
    workload = DigitsWorkload(Digits())
    model, products = workload.build(), []
    for layer in model.layers.children():
        # Every output is a sum over the weights of its channel.
        layer.register_forward_hook(lambda layer, _, given: products.append(given.numel() * layer.weight[0].numel()))
    model(torch.zeros(1, 8, 8, dtype=torch.uint8))
    assert len(products) == 4
    assert workload.options.flops_per_sample == 3 * 2 * sum(products), "backward is twice forward"


def test_the_first_prediction_is_near_uniform() -> None:
    workload = DigitsWorkload(Digits())
    model = workload.build()
    initialize(model, workload, 0)
    pixels = torch.randint(0, 17, (64, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert workload.loss(model(pixels), torch.arange(64) % 10).item() == pytest.approx(math.log(10), abs=0.1)


def test_a_convolution_sees_its_neighbours_and_no_more() -> None:
    # Two convolutions of 3 x 3 see two pixels on each side, and the pool joins two by two.
    workload = DigitsWorkload(Digits(channels=2, hidden=4))
    model = workload.build()
    initialize(model, workload, 0)
    seen = []
    model.layers.hidden.register_forward_pre_hook(lambda _, given: seen.append(given[0].unflatten(1, (4, 4, 4))))
    blank, dot = torch.zeros(1, 8, 8, dtype=torch.uint8), torch.zeros(1, 8, 8, dtype=torch.uint8)
    dot[0, 0, 0] = 16
    for images in (blank, dot):
        model(images)
    touched = (seen[0] != seen[1]).any(1)[0]
    assert touched[:2, :2].any()
    assert not touched[2:].any()
    assert not touched[:, 2:].any()

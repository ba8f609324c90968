"""The model learns, sees no future, and its numbers depend on seed and name alone."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.training.optimization import AdamW
from ml_contract.workloads.bytes_lm import VOCABULARY, BytesLm
from training_code.parallel import optimizer as optimizers
from training_code.parallel.weights import initialize
from training_code.workloads.bytes_lm.model import ByteTransformer, next_byte_loss, rotary, rotate
from training_code.workloads.bytes_lm.workload import BytesLmWorkload

OPTIONS = BytesLm(dimension=32, layers=2, heads=4, sequence_length=16)
WORKLOAD = BytesLmWorkload(OPTIONS)
ADAMW = AdamW(learning_rate=1e-2)
STEPS = 40


@pytest.fixture
def model() -> ByteTransformer:
    built = ByteTransformer(OPTIONS)
    initialize(built, WORKLOAD, 0)
    return built


def tokens(batch: int, length: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(seed))


def test_the_first_prediction_is_near_uniform(model: ByteTransformer) -> None:
    sample = tokens(8, 17)
    loss = next_byte_loss(model(sample[:, :-1]), sample[:, 1:]).item()
    assert loss == pytest.approx(math.log(VOCABULARY), abs=0.1)


@given(position=st.integers(0, 15), byte=st.integers(1, 255))
@settings(max_examples=30, deadline=None)
def test_a_later_byte_changes_no_earlier_prediction(position: int, byte: int) -> None:
    built = ByteTransformer(OPTIONS)
    initialize(built, WORKLOAD, 3)
    sample = tokens(1, 16)
    changed = sample.clone()
    changed[0, position] = (changed[0, position] + byte) % VOCABULARY
    with torch.no_grad():
        difference = (built(sample) - built(changed)).abs().amax(-1)[0]
    assert float(difference[:position].max() if position else 0) == 0
    assert float(difference[position]) > 0


def test_positions_matter(model: ByteTransformer) -> None:
    sample = torch.tensor([[1, 2, 3, 3]])
    with torch.no_grad():
        assert not torch.allclose(model(sample)[0, -1], model(sample[:, [1, 0, 2, 3]])[0, -1])


def test_rotation_keeps_lengths_and_depends_on_distance_alone() -> None:
    angles = rotary(torch.arange(12), 8)
    query, key = (torch.randn(1, 8, generator=torch.Generator().manual_seed(seed)).expand(12, 8) for seed in (0, 1))
    turned_query, turned_key = rotate(query, angles), rotate(key, angles)
    assert torch.allclose(turned_query.norm(dim=-1), query.norm(dim=-1), atol=1e-5)
    products = turned_query @ turned_key.T
    assert torch.allclose(products[:-1, :-1], products[1:, 1:], atol=1e-4)


def test_the_loss_falls(model: ByteTransformer) -> None:
    optimizer = optimizers.adamw(optimizers.groups([model], WORKLOAD, ADAMW), ADAMW)
    sample = torch.frombuffer(bytearray(b"def f(x): return x + 1\n" * 12), dtype=torch.uint8)[:272].view(16, 17).long()
    losses = []
    for _ in range(STEPS):
        loss = next_byte_loss(model(sample[:, :-1]), sample[:, 1:])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_an_optimiser_keeps_its_options_and_takes_the_moments(model: ByteTransformer) -> None:
    mine, theirs = (
        optimizers.adamw(optimizers.groups([model], WORKLOAD, options), options)
        for options in (replace(ADAMW, weight_decay=0.3, beta2=0.9), ADAMW)
    )
    for state in theirs.state.values():
        state["exp_avg"] += 1
    mine.load_state_dict(theirs.state_dict())
    assert {group["betas"] for group in mine.param_groups} == {(ADAMW.beta1, 0.9)}
    assert {group["weight_decay"] for group in mine.param_groups} == {0.0, 0.3}
    assert all(float(state["exp_avg"].min()) == 1 for state in mine.state.values())


def test_weights_depend_on_the_seed_and_not_on_the_generator(model: ByteTransformer) -> None:
    torch.manual_seed(99)
    again, other = ByteTransformer(OPTIONS), ByteTransformer(OPTIONS)
    initialize(again, WORKLOAD, 0)
    initialize(other, WORKLOAD, 1)
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
        assert value.ndim == 1 or not torch.equal(value, other.state_dict()[name]), name


def test_equal_after_saving_and_loading(model: ByteTransformer) -> None:
    loaded = ByteTransformer(OPTIONS)
    loaded.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(loaded(tokens(2, 9)), model(tokens(2, 9)))


def test_a_model_on_meta_holds_nothing_until_it_is_initialised() -> None:
    with torch.device("meta"):
        built = ByteTransformer(OPTIONS)
    assert all(parameter.is_meta for parameter in built.parameters())
    built.to_empty(device="cpu")
    initialize(built, WORKLOAD, 0)
    assert all(bool(parameter.isfinite().all()) for parameter in built.parameters())


def test_the_contract_knows_the_size(model: ByteTransformer) -> None:
    assert OPTIONS.size.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert OPTIONS.size.block_parameters == sum(parameter.numel() for parameter in model.blocks["0"].parameters())


def test_norms_do_not_decay(model: ByteTransformer) -> None:
    decaying, kept = optimizers.groups([model], WORKLOAD, ADAMW)
    assert (decaying["weight_decay"], kept["weight_decay"]) == (ADAMW.weight_decay, 0.0)
    assert sum(len(group["params"]) for group in (decaying, kept)) == len(list(model.parameters()))
    assert all(parameter.ndim == 1 for parameter in kept["params"])

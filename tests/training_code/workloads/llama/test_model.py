"""The model sees no future, is the same in parts as whole, and its loss saves memory without changing a number."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.workloads.llama import LLAMA_1_2B, LLAMA_8B, LLAMA_70B, LLAMA_TINY, Llama, RopeScaling
from training_code.parallel import blocks
from training_code.parallel.optimizer import adamw, groups
from training_code.workloads.llama import loss
from training_code.workloads.llama.model import rotary
from training_code.workloads.llama.workload import LlamaWorkload

from .initialized import built

TINY = replace(LLAMA_TINY, hidden=32, intermediate=48, heads=4, layers=2, sequence_length=16)


def tokens(batch: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(0, TINY.vocabulary, (batch, length), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [LLAMA_TINY, LLAMA_1_2B, LLAMA_8B, LLAMA_70B], ids=["tiny", "1.2B", "8B", "70B"])
def test_the_model_has_the_parameters_that_its_options_count(shape: Llama) -> None:
    with torch.device("meta"):
        model = LlamaWorkload(shape).build()
    counted = {name: parameter.numel() for name, parameter in model.named_parameters()}
    assert sum(counted.values()) == shape.size.parameters
    assert (
        sum(number for name, number in counted.items() if name.startswith("blocks.0.")) == shape.size.block_parameters
    )


@pytest.mark.parametrize("options", [TINY, replace(TINY, tied=True)], ids=["untied", "tied"])
def test_the_first_prediction_is_near_uniform(options: Llama) -> None:
    sample = tokens(8, 17)
    found = LlamaWorkload(options).loss(built(options)(sample[:, :-1]), sample[:, 1:]).item()
    assert found == pytest.approx(math.log(TINY.vocabulary), abs=0.1)


@given(position=st.integers(0, 15), change=st.integers(1, 255))
@settings(max_examples=20, deadline=None)
def test_a_later_token_changes_no_earlier_prediction(position: int, change: int) -> None:
    model, sample = built(TINY, seed=3), tokens(1, 16)
    changed = sample.clone()
    changed[0, position] = (changed[0, position] + change) % TINY.vocabulary
    with torch.no_grad():
        difference = (model(sample) - model(changed)).abs().amax(-1)[0]
    assert float(difference[:position].max() if position else 0) == 0
    assert float(difference[position]) > 0


def test_positions_are_what_a_rank_with_a_part_of_the_sequence_gives() -> None:
    model, sample = built(TINY), tokens(2, 8)
    with torch.no_grad():
        counted = model(sample)
        assert torch.equal(model(sample, positions=torch.arange(8)), counted)
        # Rotation is relative: shifting all positions alike changes nothing but rounding, stretching them does.
        assert torch.allclose(model(sample, positions=torch.arange(8) + 5), counted, atol=1e-5)
        assert not torch.allclose(model(sample, positions=torch.arange(8) * 3), counted, atol=1e-2)


@pytest.mark.parametrize("cut", [1, 2])
def test_stages_one_after_the_other_are_the_model(cut: int) -> None:
    options = replace(TINY, layers=3)
    workload, whole = LlamaWorkload(options), built(options)
    names = list(workload.blocks(whole))
    sample = tokens(2, 8)
    first = workload.part(built(options), names[:cut], first=True, last=False)
    last = workload.part(built(options), names[cut:], first=False, last=True)
    with torch.no_grad():
        assert torch.equal(last(first(sample)), whole(sample))
    kept = [name for part in (first, last) for name, _ in part.named_parameters()]
    assert sorted(kept) == sorted(name for name, _ in whole.named_parameters())


def test_scaled_frequencies_are_kept_where_high_and_divided_where_low() -> None:
    scaling = RopeScaling(factor=8.0, original_length=64)
    plain, stretched = (
        rotary(torch.tensor([1]), 32, theta=10000.0, scaling=which)[1].asin()[0, :16] for which in (None, scaling)
    )
    turns = 64 * plain / (2 * math.pi)
    assert torch.allclose(stretched[turns > 4], plain[turns > 4])
    assert torch.allclose(stretched[turns < 0.9], plain[turns < 0.9] / 8)
    between = (turns > 1.1) & (turns < 3.9)
    assert between.any()
    assert ((stretched < plain) & (stretched > plain / 8))[between].all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_chunked_loss_equals_the_plain_one(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK", 7)
    drawn = torch.randn(2, 10, 50, generator=torch.Generator().manual_seed(0)).to(dtype)
    targets = torch.randint(0, 50, (2, 10), generator=torch.Generator().manual_seed(1))
    ours, plain = (drawn.clone().requires_grad_() for _ in range(2))
    found = loss.cross_entropy(ours, targets)
    expected = F.cross_entropy(plain.flatten(0, 1).float(), targets.flatten())
    # As with float16's scaler, which keeps small gradients from vanishing.
    (found * 1024).backward()
    (expected * 1024).backward()
    assert found.dtype is torch.float32
    assert torch.allclose(found, expected, rtol=1e-6)
    assert ours.grad is not None
    assert plain.grad is not None
    # The last bit of the narrow type, and no more.
    assert torch.allclose(ours.grad.float(), plain.grad.float(), rtol=2 * torch.finfo(dtype).eps, atol=1e-7)


def test_the_chunked_loss_keeps_no_wide_copy_of_the_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK", 8)
    logits = torch.zeros(1, 64, 128, dtype=torch.bfloat16, requires_grad=True)
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        loss.cross_entropy(logits, torch.zeros(1, 64, dtype=torch.int64))
    wide = sum(tensor.nbytes for tensor in kept if tensor.dtype is torch.float32)
    assert wide == 64 * 4, "a normaliser a position"


def test_the_loss_falls_on_what_it_is_shown() -> None:
    workload, model = LlamaWorkload(TINY), built(TINY)
    options = AdamW(learning_rate=1e-2)
    optimizer = adamw(groups([model], workload, options), options)
    text = b"def f(x): return x + 1\n" * 12
    batch = torch.frombuffer(bytearray(text), dtype=torch.uint8)[:272].view(16, 17)
    losses = []
    for _ in range(40):
        (given,), targets = workload.split(batch)
        found = workload.loss(model(given), targets)
        found.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(found.item())
    assert losses[-1] < 0.2 * losses[0]


def test_weights_depend_on_seed_and_name_alone() -> None:
    first, other = built(TINY, seed=1).state_dict(), built(TINY, seed=2).state_dict()
    torch.manual_seed(99)
    again = built(TINY, seed=1).state_dict()
    for name, value in first.items():
        assert torch.equal(value, again[name]), name
        assert value.ndim == 1 or not torch.equal(value, other[name]), name


def test_blocks_are_all_but_what_lies_outside() -> None:
    workload, model = LlamaWorkload(TINY), built(TINY)
    inside = {
        f"{name}.{inner}" for name, block in workload.blocks(model).items() for inner, _ in block.named_parameters()
    }
    outside = {name for name, _ in model.named_parameters()} - inside
    assert outside == {"embedding.weight", "norm.weight", "scores.weight"}


def test_the_loss_is_compiled_where_blocks_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.compile", lambda function: ("compiled", function))
    workload = LlamaWorkload(TINY)
    run = TrainingRun(workload=TINY, optimizer=AdamW(learning_rate=1e-3), global_batch_size=1, steps=1)
    assert blocks.loss(run, workload) == workload.loss
    assert blocks.loss(replace(run, compile_blocks=True), workload) == ("compiled", workload.loss)

"""A mixture computes what a loop over tokens would, and its unevenness is what Switch Transformers defines."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ml_contract.metrics import ROUTER_UNEVENNESS
from ml_contract.workloads.llama import MIXTRAL_TINY, Llama
from training_code.workloads.llama import experts
from training_code.workloads.llama.experts import Mixture
from training_code.workloads.llama.workload import LlamaWorkload

from .initialized import built

TINY = replace(MIXTRAL_TINY, hidden=16, intermediate=24, heads=2, layers=2, sequence_length=8)


def mixture(options: Llama = TINY, seed: int = 0) -> Mixture:
    found = built(options, seed).blocks["0"].feed_forward
    assert isinstance(found, Mixture)
    return found


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def by_loop(layer: Mixture, token: Tensor) -> Tensor:
    """One token, [hidden]: every expert's answer, weighed by what the router makes of it, zero but for the chosen."""
    parts = layer.experts
    probabilities = (layer.router.weight @ token).softmax(0)
    chosen = probabilities.argsort(descending=True)[: layer.router.chosen]
    mixed = torch.zeros_like(token)
    for expert in range(parts.experts):
        gate, value, output = (
            matrix.chunk(parts.experts)[expert] for matrix in (parts.gate, parts.value, parts.output)
        )  # fmt: skip
        answer = output @ (F.silu(gate @ token) * (value @ token))
        mixed = mixed + answer * (probabilities[expert] / probabilities[chosen].sum() if expert in chosen else 0)
    return mixed


@given(
    number=st.integers(2, 6), data=st.data(), batch=st.integers(1, 3), length=st.integers(1, 5),
    widths=st.sampled_from([(16, 24), (12, 8), (10, 7)]), seed=st.integers(0, 2**16),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
@pytest.mark.slow
def test_the_sparse_computation_is_the_loop_over_tokens_and_so_are_its_gradients(
    number: int, data: st.DataObject, batch: int, length: int, widths: tuple[int, int], seed: int
) -> None:
    chosen = data.draw(st.integers(2, number))
    hidden, intermediate = widths
    heads = 1 if hidden % 4 else 2
    layer = mixture(replace(TINY, experts=number, experts_per_token=chosen, hidden=hidden, intermediate=intermediate,
                            heads=heads, kv_heads=1), seed)  # fmt: skip
    ours = drawn(batch, length, hidden, seed=seed)
    theirs = ours.detach().clone().requires_grad_()
    mixed, _ = layer(ours)
    mixed.square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in layer.named_parameters()}
    layer.zero_grad()
    expected = torch.stack([by_loop(layer, token) for token in theirs.flatten(0, 1)]).view_as(theirs)
    expected.square().sum().backward()
    assert torch.allclose(mixed, expected, atol=1e-5)
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-4)
    for name, parameter in layer.named_parameters():
        assert gradients[name] is not None, "an expert that nobody was sent to has a gradient too"
        assert torch.allclose(gradients[name], parameter.grad, atol=1e-4)


def test_one_call_for_all_experts_is_one_call_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, hidden = mixture(), drawn(2, 8, 16)
    assert experts.grouped(hidden, [layer.experts.gate])
    together, _ = layer(hidden)
    monkeypatch.setattr(experts, "grouped", lambda *_: False)
    assert torch.allclose(layer(hidden)[0], together, atol=1e-6)


@pytest.mark.parametrize("one_call", [True, False])
def test_autocast_multiplies_in_its_own_type(one_call: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experts, "grouped", lambda *_: one_call)
    layer, hidden = mixture(), drawn(1, 8, 16)
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = layer(hidden)
    assert found.dtype is torch.bfloat16
    found.float().sum().backward()
    assert layer.experts.gate.grad is not None
    assert layer.experts.gate.grad.dtype is torch.float32
    assert torch.allclose(found.float(), layer(hidden)[0], atol=0.05)


@given(number=st.integers(2, 8), data=st.data(), batch=st.integers(1, 3), seed=st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_unevenness_is_one_at_best_and_experts_by_chosen_at_worst(
    number: int, data: st.DataObject, batch: int, seed: int
) -> None:
    chosen = data.draw(st.integers(2, number))
    layer = mixture(replace(TINY, experts=number, experts_per_token=chosen), seed)
    _, found = layer(drawn(batch, 6, 16, seed=seed))
    assert found.shape == (batch,)
    assert found.dtype is torch.float32
    even = torch.full((1, 6, number), 1 / number)
    assert float(layer.unevenness(even, torch.full((1, number), 6 * chosen // number + 1))) == pytest.approx(1)
    always = torch.tensor([1 / chosen] * chosen + [0.0] * (number - chosen))
    worst = layer.unevenness(always.expand(1, 6, -1), (always * 6 * chosen).long()[None])
    assert float(worst) == pytest.approx(number / chosen)


def test_the_loss_is_cross_entropy_and_what_routers_owe() -> None:
    options = replace(TINY, router_loss=0.5, experts_per_token=3)
    workload, model = LlamaWorkload(options), built(options)
    tokens = torch.randint(0, 256, (3, 8), generator=torch.Generator().manual_seed(1))
    logits, unevenness = model(tokens)
    plain = F.cross_entropy(logits.flatten(0, 1), tokens.flatten())
    found = workload.loss((logits, unevenness), tokens)
    assert torch.allclose(found, plain + 0.5 * 3 * unevenness.mean())
    mean = unevenness.mean().item()
    assert workload.figures((logits, unevenness), tokens) == {ROUTER_UNEVENNESS: pytest.approx(mean)}
    unevenness.sum().backward()
    for block in model.blocks.values():
        assert float(block.feed_forward.router.weight.grad.abs().max()) > 0


def test_a_samples_share_of_the_loss_does_not_depend_on_the_others() -> None:
    model = built(TINY)
    tokens = torch.randint(0, 256, (4, 8), generator=torch.Generator().manual_seed(2))
    _, together = model(tokens)
    apart = torch.cat([model(sample[None])[1] for sample in tokens])
    assert torch.allclose(together, apart, atol=1e-6)


def test_only_training_answers_for_the_routers() -> None:
    model, tokens = built(TINY), torch.zeros((1, 8), dtype=torch.int64)
    logits, _ = model(tokens)
    assert torch.equal(model.eval()(tokens), logits)


def test_stages_hand_on_what_routers_have_to_answer_for() -> None:
    options = replace(TINY, layers=3)
    workload, whole = LlamaWorkload(options), built(options)
    names = list(workload.blocks(whole))
    tokens = torch.randint(0, 256, (2, 8), generator=torch.Generator().manual_seed(3))
    first = workload.part(built(options), names[:1], first=True, last=False)
    last = workload.part(built(options), names[1:], first=False, last=True)
    for found, expected in zip(last(*first(tokens)), whole(tokens), strict=True):
        assert torch.allclose(found, expected, atol=1e-6)

"""The same model in transformers' classes, with the same weights and the same scores."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ml_contract.errors import ContractError
from ml_contract.workloads import Llama
from ml_contract.workloads.llama import LLAMA_TINY, MIXTRAL_TINY, RopeScaling
from training_code import workloads
from training_code.workloads.llama.names import theirs

STRETCHED = dataclasses.replace(LLAMA_TINY, rope_scaling=RopeScaling(factor=8.0, original_length=32))
TOKENS = torch.arange(64).reshape(2, 32) * 37 % 256


def own_model(options: Llama) -> Any:
    workload = workloads.load(options)
    model = workload.build()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(workload.initial(name, parameter.shape, 3))
    return workload, model.eval()


@pytest.mark.slow  # transformers takes seconds to import
@pytest.mark.parametrize("options", [LLAMA_TINY, STRETCHED, MIXTRAL_TINY])
def test_it_begins_with_the_workloads_weights_and_scores_as_it_does(options: Llama) -> None:
    workload, model = own_model(options)
    counterpart = workload.counterpart()
    built = counterpart.build().eval()
    counterpart.fill(built, 3)
    assert {value.dtype for value in built.parameters()} == {torch.float32}
    with torch.no_grad():
        scores = counterpart.scores(built(**counterpart.named((TOKENS,))))
        torch.testing.assert_close(scores, model(TOKENS), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("options", [LLAMA_TINY, MIXTRAL_TINY])
def test_what_comes_back_by_the_names_of_files_is_the_workloads_again(options: Llama) -> None:
    workload, model = own_model(options)
    files = {}
    for name, value in model.state_dict().items():
        named = theirs(name, options)
        files |= dict(zip(named, value.chunk(len(named)), strict=True))
    found = workload.counterpart().ours({**files, "model.layers.0.self_attn._extra_state": torch.empty(0)})
    torch.testing.assert_close(found, dict(model.state_dict()), rtol=0, atol=0)
    del files["model.norm.weight"]
    with pytest.raises(ContractError, match=r"^model.norm.weight: got .*Hugging Face's name"):
        workload.counterpart().ours(files)


def test_scores_of_a_part_of_the_vocabulary_are_refused() -> None:
    counterpart = workloads.load(LLAMA_TINY).counterpart()
    with pytest.raises(ContractError, match=r"^logits: got \(2, 32, 128\), but every rank needs .* all 256 tokens"):
        counterpart.scores(SimpleNamespace(logits=torch.empty(2, 32, 128)))


def test_routers_weigh_as_much_in_a_sum_over_layers_as_in_the_workloads_mean() -> None:
    assert workloads.load(LLAMA_TINY).counterpart().balance is None
    assert workloads.load(MIXTRAL_TINY).counterpart().balance == pytest.approx(0.02 * 2 / 3)

"""First the heads learn alone, then all; under DDP and FSDP2, across restarts in either phase."""

from pathlib import Path
from typing import Any

import pytest
from arr_coc_targets import phases
from training_ranks import together

from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, Fsdp
from ml_contract.workloads.arr_coc import ARR_COC_TINY

pytestmark = pytest.mark.slow  # ranks that train

HEAD, STEPS = 2, 4
BASE: dict[str, Any] = {
    "workload": ARR_COC_TINY.__class__(**{**vars(ARR_COC_TINY), "head_share": HEAD / STEPS}),
    "optimizer": AdamW(learning_rate=3e-3), "global_batch_size": 4, "steps": STEPS,
}  # fmt: skip
RUNS = {
    "ddp": TrainingRun(**BASE, strategy=Ddp()),
    "fsdp": TrainingRun(**BASE, strategy=Fsdp(), activation_checkpointing="full"),
    "mission": TrainingRun(**BASE, strategy=Fsdp(sharding="shard_grad_op"), precision=Precision(compute="bfloat16"),
                           micro_batch_size=1),
}  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> dict[str, dict[str, Any]]:
    """What the first of two ranks saw, by the run's name."""
    folder = tmp_path_factory.mktemp("phases")
    everything = together(folder, phases, list(RUNS.values()), str(photographs / "train"), str(folder / "checkpoints"))
    return dict(zip(RUNS, everything[0], strict=True))


@pytest.mark.parametrize("name", RUNS)
def test_the_base_stands_still_until_the_heads_have_learned(found: dict[str, Any], name: str) -> None:
    bases = found[name]["whole"]["bases"]
    assert bases["0"] == bases["1"] == bases["2"]
    assert len({bases["2"], bases["3"], bases["4"]}) == 3


@pytest.mark.parametrize("name", RUNS)
def test_every_head_has_a_gradient_from_the_first_step_and_the_base_only_later(
    found: dict[str, Any], name: str
) -> None:
    gradients = [found[name]["whole"]["figures"][str(step)]["gradients"] for step in range(1, STEPS + 1)]
    assert [each["base"] for each in gradients[:HEAD]] == [0] * HEAD
    assert {each["heads"] for each in gradients} == {gradients[0]["heads"]}
    assert gradients[0]["heads"] > 20
    assert min(each["base"] for each in gradients[HEAD:]) > 50
    heads = found[name]["whole"]["heads"]
    assert len(set(heads.values())) == STEPS


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize(("phase", "saved"), [(0, 1), (1, HEAD + 1)])
def test_a_run_resumes_in_either_phase_bit_for_bit(found: dict[str, Any], name: str, phase: int, saved: int) -> None:
    whole, resumed = found[name]["whole"], found[name]["resumed"][phase]
    assert resumed["bases"][str(saved)] == whole["bases"][str(saved)]
    assert resumed["losses"] == {str(step): whole["losses"][str(step)] for step in range(saved + 1, STEPS + 1)}
    assert (resumed["bases"][str(STEPS)], resumed["heads"][str(STEPS)]) == (
        whole["bases"][str(STEPS)], whole["heads"][str(STEPS)]
    )  # fmt: skip


def test_how_it_is_spread_changes_no_loss(found: dict[str, Any]) -> None:
    losses = {name: list(found[name]["whole"]["losses"].values()) for name in RUNS}
    assert losses["fsdp"] == pytest.approx(losses["ddp"], abs=2e-4)
    assert losses["mission"] == pytest.approx(losses["ddp"], abs=0.1)


def test_tokens_and_accuracy_are_figures_of_a_step(found: dict[str, Any]) -> None:
    figures = found["ddp"]["whole"]["figures"]["1"]
    options = ARR_COC_TINY.relevance
    assert options.patches <= figures["train:visual_tokens"] <= options.budget_total
    assert 0 <= figures["train:accuracy"] <= 1

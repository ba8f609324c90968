"""Tensor, pipeline and context parallel: each divides what it says, and a checkpoint moves from layout to layout."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from model_parallel_targets import divided
from training_harness import figures, losses, tiny_run
from training_ranks import start_ranks, together

from ml_contract import metrics
from ml_contract.exit_codes import ExitCode
from ml_contract.training.strategies import Ddp, Fsdp, ModelParallel, ParallelStrategy, Pipeline
from ml_contract.workloads import BytesLm

pytestmark = pytest.mark.slow  # ranks that train

FOUR = BytesLm(dimension=32, layers=4, heads=2, sequence_length=32)
MICRO_BATCHES = 6
STRATEGIES: dict[str, ParallelStrategy] = {
    "tensor": ModelParallel(tensor=2),
    "context": ModelParallel(context=2),
    "1f1b": ModelParallel(pipeline=Pipeline(stages=2, micro_batches=MICRO_BATCHES)),
    "interleaved": ModelParallel(pipeline=Pipeline(stages=2, micro_batches=MICRO_BATCHES, schedule="interleaved")),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Figures of both ranks, by strategy."""
    runs = {
        name: tiny_run(workload=FOUR, global_batch_size=12, strategy=strategy) for name, strategy in STRATEGIES.items()
    }
    runs["compiled"] = dataclasses.replace(runs["tensor"], compile_blocks=True)
    ranks = together(tmp_path_factory.mktemp("ranks"), divided, [*runs.values()])
    return {name: [rank[number] for rank in ranks] for number, name in enumerate(runs)}


def test_tensor_parallel_divides_matrices_and_exchanges_activations(found: dict[str, Any]) -> None:
    first, second = found["tensor"]
    for rank in (first, second):
        query, output = (rank["shapes"][f"blocks.0.attention.{name}.weight"] for name in ("query", "output"))
        assert (query, output) == ([16, 32], [32, 16])
        assert rank["shapes"]["embedding.weight"] == [128, 32]
        # Forward: after attention and feed-forward of each block, and after the embedding.
        assert rank["exchanges"] >= 2 * FOUR.layers + 1
    assert found["context"][0]["exchanges"] == 0
    assert found["context"][0]["shapes"]["blocks.0.attention.query.weight"] == [32, 32]
    assert first["data_rank"] == second["data_rank"] == 0


def test_gradients_pass_through_compiled_blocks(found: dict[str, Any]) -> None:
    eager, compiled = found["tensor"][0]["gradients"], found["compiled"][0]["gradients"]
    assert min(eager.values()) > 0
    assert compiled == pytest.approx(eager, rel=1e-4)


def test_context_parallel_computes_its_part_of_the_sequence(found: dict[str, Any]) -> None:
    assert {length for rank in found["context"] for length in rank["queries"]} == {16}
    assert {length for rank in found["tensor"] for length in rank["queries"]} == {32}


def test_stages_hold_only_their_blocks(found: dict[str, Any]) -> None:
    assert [rank["blocks"] for rank in found["1f1b"]] == [[["blocks.0", "blocks.1"]], [["blocks.2", "blocks.3"]]]
    assert [rank["blocks"] for rank in found["interleaved"]] == [
        [["blocks.0"], ["blocks.2"]], [["blocks.1"], ["blocks.3"]]
    ]  # fmt: skip
    names = found["tensor"][0]["names"]
    for schedule in ("1f1b", "interleaved"):
        first, second = found[schedule]
        assert not set(first["names"]) & set(second["names"])
        assert sorted(first["names"] + second["names"]) == names
        assert (first["whole"], second["whole"]) == (names, [])


def test_1f1b_keeps_fewer_micro_batches_under_way_than_there_are(found: dict[str, Any]) -> None:
    # All forwards before all backwards, as in GPipe, would be MICRO_BATCHES on every stage.
    assert [rank["peak"] for rank in found["1f1b"]] == [2, 1]
    assert all(1 < rank["peak"] < 2 * MICRO_BATCHES for rank in found["interleaved"])


@pytest.mark.parametrize(
    ("first", "second", "size"),
    [
        (ModelParallel(tensor=2), Fsdp(), 2),
        (ModelParallel(pipeline=Pipeline(stages=2, micro_batches=2, schedule="interleaved")), Ddp(), 1),
        (Fsdp(), ModelParallel(pipeline=Pipeline(stages=2, micro_batches=2)), 2),
    ],
)
def test_a_checkpoint_continues_under_another_layout(
    tmp_path: Path, shards: Path, first: ParallelStrategy, second: ParallelStrategy, size: int
) -> None:
    settings: dict[str, Any] = {"workload": FOUR, "steps": 8, "checkpoint_steps": 4}
    uri = f"file://{tmp_path}/checkpoints"
    whole = start_ranks(tmp_path / "whole", tiny_run(strategy=first, **settings, checkpoint_uri=uri), shards)
    assert whole.codes() == [ExitCode.SUCCESS] * 2, whole.log()
    shutil.rmtree(tmp_path / "checkpoints" / "step-00000008")
    rest = start_ranks(
        tmp_path / "rest", tiny_run(strategy=second, **settings, checkpoint_uri=uri), shards, size=size
    )  # fmt: skip
    assert rest.codes() == [ExitCode.SUCCESS] * size, rest.log()
    assert figures(rest.log(), metrics.RESTORED_STEP) == [4]
    expected = dict(losses(whole.log()))
    after = losses(rest.log())
    assert [step for step, _ in after] == [5, 6, 7, 8]
    for step, loss in after:
        assert loss == pytest.approx(expected[step], abs=1e-4)

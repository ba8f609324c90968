"""Two ranks that train: interrupted, killed, resumed, damaged, diverging."""

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from training_harness import figures, losses, tiny_run
from training_processes import Processes
from training_ranks import start_ranks
from training_troubles import held_after, nan_in_step_8, rank_1_breaks_in_step_3

from ml_contract import metrics
from ml_contract.exit_codes import ExitCode
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.training.surroundings import Checkpointing, Loading

pytestmark = pytest.mark.slow  # each is seconds of training; a forkserver keeps the start short

STEPS = 20


def options(folder: Path, **changes: Any) -> TrainingRun:
    settings = {"steps": STEPS, "checkpoint_steps": 5, "checkpoint_uri": f"file://{folder}/checkpoints"}
    return tiny_run(**{**settings, **changes})


@dataclasses.dataclass(frozen=True)
class Undisturbed:
    """A run that nothing disturbed."""

    folder: Path
    losses: list[tuple[int, float]]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, shards: Path) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    run = start_ranks(folder / "host", options(folder), shards)
    found = finish(run)
    assert [step for step, _ in found] == list(range(1, STEPS + 1))
    assert found[-1][1] < found[0][1] - 0.5
    return Undisturbed(folder, found)


def finish(run: Processes) -> list[tuple[int, float]]:
    assert run.codes() == [ExitCode.SUCCESS] * 2, run.log()
    assert not run.paths[0].failure.exists()
    return losses(run.log())


@pytest.mark.parametrize(("workers", "signalled"), [(0, (0, 1)), (2, (0, 1)), (0, (1,))])
def test_an_interrupted_run_commits_its_last_step_and_resumes_bit_for_bit(
    tmp_path: Path, shards: Path, undisturbed: Undisturbed, workers: int, signalled: tuple[int, ...]
) -> None:
    run = options(tmp_path, loading=Loading(workers=workers))
    first = start_ranks(tmp_path / "first", run, shards, trouble=held_after(11))
    first.wait_for_step(11)
    first.terminate(*signalled)
    assert first.codes() == [ExitCode.INTERRUPTED] * 2, first.log()
    before = losses(first.log())
    assert before[-1][0] == 12
    assert figures(first.log(), metrics.CHECKPOINT_STEP) == [5, 10, 12]
    assert figures(first.log(), metrics.INTERRUPTED_STEP) == [12]
    assert not first.paths[0].failure.exists()

    second = start_ranks(tmp_path / "second", run, shards)
    assert before + finish(second) == undisturbed.losses
    assert figures(second.log(), metrics.RESTORED_STEP) == [12]


def test_a_killed_run_loses_only_what_followed_its_last_commit(
    tmp_path: Path, shards: Path, undisturbed: Undisturbed
) -> None:
    first = start_ranks(tmp_path / "first", options(tmp_path), shards, trouble=held_after(13))
    first.wait_for_step(13)
    first.wait_for(metrics.CHECKPOINT_STEP, 10)
    for process in first.processes:
        process.kill()
    first.codes()
    second = start_ranks(tmp_path / "second", options(tmp_path), shards)
    after = finish(second)
    assert figures(second.log(), metrics.RESTORED_STEP) == [10]
    assert losses(first.log()) == undisturbed.losses[:13]
    assert after == undisturbed.losses[10:]


def test_one_rank_goes_on_with_what_two_committed(tmp_path: Path, shards: Path, undisturbed: Undisturbed) -> None:
    first = start_ranks(tmp_path / "first", options(tmp_path), shards, trouble=held_after(9))
    first.wait_for_step(9)
    first.terminate()
    assert first.codes() == [ExitCode.INTERRUPTED] * 2
    before = losses(first.log())
    second = start_ranks(tmp_path / "second", options(tmp_path), shards, size=1)
    assert second.codes() == [ExitCode.SUCCESS], second.log()
    after = losses(second.log())
    assert [step for step, _ in before + after] == [step for step, _ in undisturbed.losses]
    for (_, found), (step, wanted) in zip(after, undisturbed.losses[len(before) :], strict=True):
        assert found == pytest.approx(wanted, abs=1e-4), step


def test_another_configuration_does_not_resume_by_mistake(
    tmp_path: Path, shards: Path, undisturbed: Undisturbed
) -> None:
    another = options(undisturbed.folder, optimizer=AdamW(learning_rate=0.5))
    run = start_ranks(tmp_path, another, shards)
    assert run.codes() == [ExitCode.TRAINING_FAILED] * 2
    assert "configuration" in run.paths[0].failure.read_text()


def test_time_brings_a_checkpoint_where_steps_do_not(tmp_path: Path, shards: Path) -> None:
    run = start_ranks(tmp_path, options(tmp_path, steps=3, checkpoint_steps=100, checkpoint_seconds=1e-6), shards)
    finish(run)
    assert figures(run.log(), metrics.CHECKPOINT_STEP) == [1, 2, 3]


def test_a_finished_run_that_is_started_again_trains_no_further(
    tmp_path: Path, shards: Path, undisturbed: Undisturbed
) -> None:
    run = start_ranks(tmp_path, options(undisturbed.folder), shards)
    assert finish(run) == []
    assert figures(run.log(), metrics.RESTORED_STEP) == [STEPS]


def test_divergence_stops_with_the_last_good_checkpoint(tmp_path: Path, shards: Path) -> None:
    run = start_ranks(tmp_path, options(tmp_path), shards, trouble=nan_in_step_8)
    assert run.codes() == [ExitCode.TRAINING_FAILED] * 2, run.log()
    reason = run.paths[0].failure.read_text()
    assert reason.startswith("train:loss: got nan with gradient norm nan in step 8, but both must be finite.")
    assert "last good checkpoint is step 7" in reason
    assert figures(run.log(), metrics.CHECKPOINT_STEP) == [5, 7]
    assert losses(run.log())[-1][0] == 7

    # As it is advised.
    advice = re.search(r"checkpointing\.begin_from=(\S+) and with a lower optimizer\.learning_rate", reason)
    assert advice
    begun = dataclasses.replace(
        options(tmp_path, steps=9, optimizer=AdamW(learning_rate=1e-4)), checkpoint_uri=f"file://{tmp_path}/another",
        checkpointing=Checkpointing(every_steps=5, begin_from=advice[1]),
    )  # fmt: skip
    second = start_ranks(tmp_path / "second", begun, shards)
    assert [step for step, _ in finish(second)] == [8, 9]
    assert figures(second.log(), metrics.RESTORED_STEP) == [7]
    assert figures(second.log(), metrics.CHECKPOINT_STEP) == [9]
    assert figures(second.log(), metrics.LEARNING_RATE)[0] < 1e-4


def test_the_first_cause_is_the_reason_and_not_what_followed(tmp_path: Path, shards: Path) -> None:
    run = start_ranks(tmp_path, options(tmp_path), shards, trouble=rank_1_breaks_in_step_3)
    assert run.codes() == [ExitCode.TRAINING_FAILED] * 2, run.log()
    assert run.paths[0].failure.read_text() == "MemoryError: no room for the batch"
    assert "another rank ended or went silent" in run.log(0)


def test_a_damaged_shard_is_the_reason(tmp_path: Path, shards: Path) -> None:
    data = Path(shutil.copytree(shards, tmp_path / "data"))
    (data / "shard-00001.bin").write_bytes(bytes(4096))
    run = start_ranks(tmp_path / "host", options(tmp_path), data)
    assert ExitCode.CONTRACT_BROKEN in run.codes()
    assert run.paths[0].failure.read_text().startswith("shard shard-00001.bin: got 'sha256")

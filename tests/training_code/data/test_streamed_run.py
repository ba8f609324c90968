"""The real trainer on samples from S3: the losses of the run from files, through refusals, stalls and resumes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from faulty_proxy import Failure, Kind, Proxy, proxy
from training_harness import figures, losses, tiny_run
from training_processes import Processes
from training_ranks import start_ranks
from training_troubles import held_after, impatient, several

from ml_contract import metrics
from ml_contract.exit_codes import ExitCode
from ml_contract.training.surroundings import Loading
from training_code.data.tokens import TokenWriter

pytestmark = pytest.mark.slow

STEPS, SAVED_EVERY = 60, 5
FIRST, SECOND = 8, 28
"""Steps after which S3 fails for good. Lives go on with what they have fetched ahead: 64 samples, four a step."""
PREFIX = "s3://data/streamed-run"
SPLIT_BYTES, BUFFER_MIB = 9 * 2**20, 16
"""More than half of the smallest buffer: samples come by range."""


@dataclass
class Story:
    """One training in four processes' lives: from files alone; then streamed until refused, until stalled, to its end.

    Losses are pairs of step and value.
    """

    from_files: list[tuple[int, float]]
    streamed: list[list[tuple[int, float]]]
    """Of the three lives."""
    reasons: list[str]
    """Why the first and the second ended."""
    restored: list[list[float]]
    """Steps that lives went on from."""
    passing_left: int
    """Faults of those that pass, still to come at the end."""


@pytest.fixture(scope="module")
def story(s3_address: str, s3_client: Any, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("streamed")
    data, nothing = folder / "data", folder / "nothing"
    nothing.mkdir()
    writer = TokenWriter(data, dtype="uint8", shard_tokens=2**20)
    writer.write(random.Random(3).randbytes(SPLIT_BYTES))
    writer.close({})
    for path in data.iterdir():
        s3_client.put_object(Bucket="data", Key=f"streamed-run/{path.name}", Body=path.read_bytes())

    files = start_ranks(folder / "files", tiny_run(steps=STEPS), data, size=1)
    assert files.codes() == [ExitCode.SUCCESS], files.log()

    with proxy(s3_address) as server:
        environment = {
            "AWS_ENDPOINT_URL": server.address, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip

        def life(number: int, workers: int, held: int | None = None) -> Processes:
            options = tiny_run(
                steps=STEPS, checkpoint_steps=SAVED_EVERY, checkpoint_uri=f"file://{folder}/checkpoints",
                loading=Loading(stream_uri=PREFIX, buffer_mib=BUFFER_MIB, workers=workers),
            )  # fmt: skip
            # One rank: how ranks share the order is the loader's, and has its own tests.
            trouble = impatient if held is None else several(impatient, held_after(held, gate(folder, number)))
            return start_ranks(
                folder / f"life-{number}", options, nothing, size=1, trouble=trouble, environment=environment
            )

        server.failures = passing = [Failure("503", "GET", "shard", 20), Failure("reset", "GET", "shard", 5)]
        first = life(1, workers=0, held=FIRST)
        reasons = [ended(first, server, "503", after=FIRST, go_on=gate(folder, 1))]
        server.failures = []
        second = life(2, workers=1, held=SECOND)
        reasons.append(ended(second, server, "hang", after=SECOND, go_on=gate(folder, 2)))
        server.failures = []
        third = life(3, workers=0)
        assert third.codes() == [ExitCode.SUCCESS], third.log()
        assert server.count("GET", "shard") > 4 * STEPS, "samples came by range, not in whole shards"
    lives = (first, second, third)
    return Story(
        from_files=losses(files.log()), streamed=[losses(run.log()) for run in lives], reasons=reasons,
        restored=[figures(run.log(), metrics.RESTORED_STEP) for run in lives],
        passing_left=sum(failure.times for failure in passing),
    )  # fmt: skip


def gate(folder: Path, life: int) -> Path:
    """Once it is there, a life that is held goes on."""
    return folder / f"gate-{life}"


def ended(run: Processes, server: Proxy, kind: Kind, *, after: int, go_on: Path) -> str:
    """Let S3 fail for good once ``after`` steps are done; the reason that the run ends with."""
    run.wait_for_step(after)
    server.failures = [Failure(kind, "GET", "shard", 100_000)]
    go_on.touch()
    assert run.codes() == [ExitCode.TRAINING_FAILED], run.log()
    return run.paths[0].failure.read_text()


def test_losses_are_those_of_the_files_bit_for_bit(story: Story) -> None:
    assert [step for step, _ in story.from_files] == [*range(1, STEPS + 1)]
    assert story.passing_left == 0, "refusals that pass are retried"
    for found in story.streamed:
        first, last = found[0][0], found[-1][0]
        assert found == story.from_files[first - 1 : last]
    assert story.streamed[-1][-1] == story.from_files[-1]


def test_a_resumed_stream_goes_on_where_the_last_commit_was(story: Story) -> None:
    """Once with a worker process where there was none, and back."""
    assert [len(steps) for steps in story.restored] == [0, 1, 1]
    for (restored,), before, after in zip(story.restored[1:], story.streamed, story.streamed[1:], strict=False):
        assert restored % SAVED_EVERY == 0
        assert before[-1][0] - restored < 2 * SAVED_EVERY
        assert after[0][0] == restored + 1


@pytest.mark.parametrize(("life", "cause"), [(0, "SlowDown"), (1, "ReadTimeout")])
def test_a_fault_that_stays_is_the_jobs_reason(story: Story, life: int, cause: str) -> None:
    """Also where a worker process meets it."""
    reason = story.reasons[life]
    assert reason.startswith(f"StreamError: {PREFIX}/shard-0000")
    assert "GetObject failed 5 times: " in reason
    assert cause in reason
    assert reason.endswith("then start the job again: it goes on from its last checkpoint.")

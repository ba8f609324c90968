"""A run that is interrupted and goes on, watched by everybody at once: each tells one story of it."""

import gzip
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ports import free_port
from training_harness import figures, losses, tiny_run
from training_processes import LIMIT_S, Processes
from training_ranks import start_ranks
from training_troubles import an_hour_later, held_after, patient, several

from ml_contract import metrics, tracking
from ml_contract.exit_codes import ExitCode
from ml_contract.prometheus import FOLDER_VARIABLE, STEP, file_name, name_of
from ml_contract.training.surroundings import Checkpointing, Watching

pytestmark = pytest.mark.slow  # a tracking server and two trainings

STEPS = 16
LINKED = {
    tracking.EXECUTION.variable: "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abc123",
    tracking.STEP.variable: "Train",
    tracking.ENVIRONMENT.variable: "dev",
    tracking.CODE.variable: "9f86d081884c7d65",
    tracking.JOB.variable: "arn:aws:sagemaker:us-east-1:123456789012:training-job/watched-job",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on loopback."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
         "--backend-store-uri", f"sqlite:///{folder}/runs.db", "--artifacts-destination", str(folder / "artifacts")],
        stdout=log, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True,
        # Jobs of its own, of which there are none here, would be three more processes that import all of it.
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )  # fmt: skip
    uri = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{uri}/health", process, folder / "log")
        yield uri
    finally:
        os.killpg(process.pid, 15)
        process.wait(LIMIT_S)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=LIMIT_S):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-2000:])


@pytest.fixture(scope="module")
def watched(server: str, shards: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Processes, Processes]:
    """A run that lost its hosts after a dozen steps, and the attempt that finished it an hour later, in one folder."""
    folder = tmp_path_factory.mktemp("watched")
    run = tiny_run(
        steps=STEPS, checkpoint_uri=f"file://{folder}/checkpoints",
        # In the steps' own time: a commit beside them may stand any number of steps later.
        checkpointing=Checkpointing(every_steps=10, mode="sync"),
        watching=Watching(tensorboard=True, mlflow_uri=server, wandb="offline", profile_step=3),
    )  # fmt: skip
    exported = folder / "exported"
    exported.mkdir()
    environment = {"TRAINING_JOB_NAME": "watched-job", FOLDER_VARIABLE: str(exported), **LINKED}
    trouble = several(patient, held_after(11))
    first = start_ranks(folder / "host", run, shards, trouble=trouble, environment=environment)
    first.wait_for_step(11)
    first.terminate()
    assert first.codes() == [ExitCode.INTERRUPTED] * 2, first.log()
    first.logs[0] = first.logs[0].rename(folder / "first.log")
    # The second attempt replaces it, and takes it away.
    (left,) = exported.iterdir()
    left.rename(folder / left.name)
    trouble = several(patient, an_hour_later)
    second = start_ranks(folder / "host", run, shards, trouble=trouble, environment=environment)
    assert second.codes() == [ExitCode.SUCCESS] * 2, second.log()
    return first, second


def test_no_watcher_complains(watched: tuple[Processes, Processes]) -> None:
    for attempt in watched:
        assert "watching:" not in attempt.log()


def test_mlflow_has_one_run_with_all_steps(watched: tuple[Processes, Processes], server: str) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=server)
    experiment = client.get_experiment_by_name("trainyard")
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("watched-job", "FINISHED")
    assert run.data.params["optimizer.learning_rate"] == "0.006"
    assert run.data.params["strategy.kind"] == "fsdp"
    history = {entry.step: entry.value for entry in client.get_metric_history(run.info.run_id, "train/loss")}
    logged = dict(losses(watched[0].log()) + losses(watched[1].log()))
    assert history == pytest.approx(logged)
    assert set(history) == set(range(1, STEPS + 1))


def test_the_run_and_the_execution_find_each_other(watched: tuple[Processes, Processes], server: str) -> None:
    """By the run's tags, as somebody searches for them, and by one line of each attempt's log."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=server)
    experiment = client.get_experiment_by_name("trainyard")
    wanted = f"tags.`{tracking.EXECUTION.tag}` = '{LINKED[tracking.EXECUTION.variable]}'"
    (run,) = client.search_runs([experiment.experiment_id], filter_string=wanted)
    assert {link.tag: run.data.tags[link.tag] for link in tracking.LINKS} == tracking.tags(LINKED)
    for attempt in watched:
        said = set(filter(None, map(tracking.parse, attempt.log().splitlines())))
        assert said == {tracking.TrackedRun(run=run.info.run_id, experiment=experiment.experiment_id, uri=server)}


def test_a_nodes_exporter_shows_the_last_step_until_the_run_ends(watched: tuple[Processes, Processes]) -> None:
    folder = watched[0].logs[0].parent
    text = (folder / file_name("watched-job")).read_text()
    step, loss = losses(watched[0].log())[-1]
    assert f'{STEP}{{run="watched-job"}} {float(step)!r}\n' in text
    assert f'{name_of(metrics.LOSS)}{{run="watched-job"}} {loss!r}\n' in text
    assert f"{name_of(metrics.GOODPUT)}{{" in text
    # A step's own figures have none of saves.
    assert f'{name_of(metrics.CHECKPOINT_STEP)}{{run="watched-job"}} 10.0\n' in text
    assert list((folder / "exported").iterdir()) == []


def test_tensorboard_has_all_steps(watched: tuple[Processes, Processes]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(watched[1].paths[0].tensorboard)).Reload()
    found = {event.step: event.value for event in events.Scalars("train/loss")}
    assert found == pytest.approx(dict(losses(watched[0].log()) + losses(watched[1].log())), abs=1e-6)


def test_wandb_keeps_a_run_to_sync(watched: tuple[Processes, Processes]) -> None:
    runs = list((watched[1].paths[0].output_data / "wandb" / "wandb").glob("offline-run-*"))
    assert len(runs) == 2, "an attempt each, of one id"
    assert len({folder.name.rpartition("-")[2] for folder in runs}) == 1
    assert all(next(folder.glob("*.wandb")).stat().st_size > 1000 for folder in runs)


def test_three_steps_are_profiled_on_every_rank(watched: tuple[Processes, Processes]) -> None:
    traces = sorted((watched[0].paths[0].output_data / "traces").iterdir())
    assert [path.name for path in traces] == ["rank-00000-step-3.json.gz", "rank-00001-step-3.json.gz"]
    events: list[dict[str, Any]] = json.loads(gzip.decompress(traces[0].read_bytes()))["traceEvents"]
    assert sum("AdamW.step" in str(event.get("name")) for event in events) == 3


def test_goodput_falls_by_the_interruption(watched: tuple[Processes, Processes]) -> None:
    before, after = (figures(attempt.log(), metrics.GOODPUT) for attempt in watched)
    assert 0 < before[-1] <= 1
    assert len(before) + len(after) == STEPS
    assert max(after) < LIMIT_S / 3600, "the hour between the attempts counts"


def test_a_tracker_that_is_away_costs_no_step(shards: Path, tmp_path: Path) -> None:
    watching = Watching(mlflow_uri=f"http://127.0.0.1:{free_port()}")
    hasty = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "2"}
    run = start_ranks(tmp_path, tiny_run(steps=5, watching=watching), shards, environment=hasty)
    assert run.codes() == [ExitCode.SUCCESS] * 2, run.log()
    assert [step for step, _ in losses(run.log())] == [1, 2, 3, 4, 5]
    assert "watching: MLflow" in run.log()

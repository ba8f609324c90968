"""Training jobs on a real slurmctld and slurmd: whole, on what is lost under them, at the limit, and cancelled."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.slurm_cluster import Cluster, figures, job, obstacle
from ml_contract import metrics
from ml_contract.clusters import jobs
from ml_contract.manifest import ArtifactManifest
from trainyard.local.clusters.slurm_configuration import Timing

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(600)]
STEPS, COMMITS, BETWEEN = 800, 20, 30
"""Steps of the job, between its commits, and from one loss to the next. A step takes a fiftieth of a second,
and Slurm five seconds to write its state: the job is not to be through by then."""
JOB = job("bytes-lm", steps=STEPS, checkpoint_steps=COMMITS)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if reason := obstacle():
        pytest.skip(reason)
    timing = Timing(node_lost=6, requeue_wait=5, kill_wait=5)
    with Cluster(tmp_path_factory.mktemp("slurm"), timing) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def undisturbed(cluster: Cluster) -> list[tuple[int, float]]:
    """Losses of the job on nodes that stay."""
    number = cluster.submit(JOB)
    ended = cluster.wait_for_end(number)
    assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "0"), cluster.log(JOB, number)
    return cluster.losses(JOB, number)


@pytest.fixture(scope="module")
def disturbed(cluster: Cluster, undisturbed: list[tuple[int, float]]) -> str:
    """Number of the same job, under which one thing after another is lost."""
    return cluster.submit(JOB)


def test_a_job_trains_on_two_nodes_and_leaves_its_model(cluster: Cluster, undisturbed: list[tuple[int, float]]) -> None:
    assert [step for step, _ in undisturbed] == list(range(1, STEPS + 1))
    model = cluster.fsx / "runs/bytes-lm/1/model"
    manifest = ArtifactManifest.read(model)
    manifest.verify(model)
    assert manifest.metrics["loss"] == undisturbed[-1][1]


@pytest.mark.parametrize(
    "lost",
    # One beside the batch script is lost in test_lab.py.
    [("worker-1",), ("worker-1", "worker-2")],
    ids=["the host of the batch script", "both"],
)
def test_nodes_without_power_are_noticed_and_the_job_goes_on_on_others_of_their_names(
    cluster: Cluster, disturbed: str, lost: tuple[str, ...]
) -> None:
    restarts = trained(cluster, disturbed)
    cluster.lose(*lost)
    cluster.wait("requeue", lambda: cluster.state(disturbed)["JobState"] == "PENDING")
    # Another machine takes minutes: by then Slurm has noticed the loss of each, and no longer tries to end the job
    # there. A node that came back within these seconds would end the job's next start instead.
    cluster.wait("notice", lambda: sum(state.startswith("down") for state in cluster.states()) == len(lost))
    cluster.wait("the last word to lost nodes", cluster.has_given_up)
    cluster.bring_back(*lost, replaced=True)
    went_on(cluster, disturbed, restarts + 1)


def test_a_rank_that_is_killed_costs_the_job_no_more_than_the_steps_since_the_last_commit(
    cluster: Cluster, disturbed: str
) -> None:
    restarts = trained(cluster, disturbed)
    cluster.kill_rank("worker-2")
    went_on(cluster, disturbed, restarts + 1)
    [failure] = (cluster.fsx / f"runs/bytes-lm/{disturbed}/failures").read_text().splitlines()
    assert failure.startswith("exit code 1 at ")


def test_a_job_goes_on_without_slurmctld_which_knows_it_when_it_is_back(cluster: Cluster, disturbed: str) -> None:
    restarts = trained(cluster, disturbed)
    queued = cluster.ask("sbatch", "--parsable", "--exclusive", "-N2", "--output=/dev/null", "--wrap=true").strip()
    submitted = time.time()
    state = cluster.nodes["controller"].path("/var/spool/slurmctld/job_state")

    def saved() -> bool:
        # slurmctld writes its state when something changes, but not within five seconds of the last time: a change
        # that comes too soon is written with the next one, whenever that is.
        cluster.ask("scontrol", "update", f"JobId={queued}", "Comment=waits")
        return state.stat().st_mtime > submitted

    cluster.wait("saved state", saved)
    cluster.kill_scheduler()
    done = cluster.losses(JOB, disturbed)[-1][0]
    cluster.wait("a step", lambda: cluster.losses(JOB, disturbed)[-1][0] > done + 1)
    cluster.restart_scheduler()
    known = cluster.state(disturbed)
    assert (known["JobState"], known["Restarts"]) == ("RUNNING", str(restarts))
    assert cluster.state(queued)["JobState"] == "PENDING"
    cluster.ask("scancel", queued)


def test_at_its_limit_a_job_is_saved_at_its_last_step_and_queued_again(cluster: Cluster, disturbed: str) -> None:
    restarts = trained(cluster, disturbed)
    # What Slurm itself does two minutes before the limit, by --signal=B:USR1@120.
    cluster.ask("scancel", "--batch", "--signal=USR1", disturbed)
    went_on(cluster, disturbed, restarts + 1)
    before, _, after = cluster.log(JOB, disturbed).rpartition(metrics.RESTORED_STEP.name)
    assert figures(before, metrics.LOSS)[-1][0] == int(after.partition("=")[2].split()[0])


def test_a_cancelled_job_is_saved_first_and_another_submission_ends_as_an_undisturbed_one_bit_for_bit(
    cluster: Cluster, disturbed: str, undisturbed: list[tuple[int, float]]
) -> None:
    trained(cluster, disturbed)
    cluster.ask("scancel", disturbed)
    assert cluster.wait_for_end(disturbed, 30)["JobState"] == "CANCELLED"
    last = cluster.losses(JOB, disturbed)[-1][0]
    assert figures(cluster.log(JOB, disturbed), metrics.CHECKPOINT_STEP)[-1][1] == last, cluster.log(JOB, disturbed)
    second = cluster.submit(JOB, **{jobs.RUN: disturbed})
    assert cluster.wait_for_end(second)["JobState"] == "COMPLETED", cluster.log(JOB, second)
    rest = cluster.losses(JOB, second)
    assert [step for step, _ in rest] == list(range(last + 1, STEPS + 1))
    assert sorted({*cluster.losses(JOB, disturbed), *rest}) == undisturbed


def trained(cluster: Cluster, number: str) -> int:
    """Waits until the job has trained for a while since its last start; how often it was queued again so far."""
    cluster.wait(
        "training", lambda: len(cluster.log(JOB, number).rpartition(metrics.RESTORED_STEP.name)[2].split("train:loss"))
        > BETWEEN,
    )  # fmt: skip
    return int(cluster.state(number)["Restarts"])


def went_on(cluster: Cluster, number: str, restarts: int) -> None:
    """The job was queued again once more, and resumed from its last commit."""
    # The log says more of what did not happen than that it took too long.
    with contextlib.suppress(TimeoutError):
        cluster.wait("a restore", lambda: len(figures(cluster.log(JOB, number), metrics.RESTORED_STEP)) >= restarts, 90)
    state, log = cluster.state(number), cluster.log(JOB, number)
    restored = figures(log, metrics.RESTORED_STEP)
    assert (len(restored), state["Restarts"]) == (restarts, str(restarts)), f"{state['JobState']}: {log[-6000:]}"
    before = log.rpartition(metrics.RESTORED_STEP.name)[0]
    committed = [int(step) for _, step in figures(before, metrics.CHECKPOINT_STEP)]
    assert restored[-1][1] == max(committed) >= restarts * COMMITS


def test_a_submission_without_its_places_ends_with_the_way_out(cluster: Cluster) -> None:
    script = cluster.fsx / "bare.sh"
    script.write_text(JOB.text())
    number = cluster.ask("sbatch", "--parsable", f"/fsx/{script.name}").strip()
    assert cluster.wait_for_end(number)["JobState"] == "FAILED"
    path = Path(cluster.fsx / "runs" / f"bytes-lm-{number}.log")
    assert "TRAINYARD_CODE: is not set: take trainyard cluster submit bytes-lm" in path.read_text()

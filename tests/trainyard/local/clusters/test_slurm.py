"""Training jobs on a real slurmctld and slurmd: whole, on a node that is lost, at the limit, and cancelled."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.slurm_cluster import Cluster, figures, job, obstacle
from ml_contract import metrics
from ml_contract.clusters import jobs
from ml_contract.manifest import ArtifactManifest
from trainyard.local.clusters.slurm_configuration import Timing

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(300)]
STEPS, LOST_AT = 80, 30
JOB = job("bytes-lm", steps=STEPS, checkpoint_steps=20)
ENDLESS = job("endless", steps=100_000, checkpoint_steps=100_000)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if reason := obstacle():
        pytest.skip(reason)
    timing = Timing(node_lost=6, requeue_wait=5, kill_wait=8)
    with Cluster(tmp_path_factory.mktemp("slurm"), timing) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def undisturbed(cluster: Cluster) -> list[tuple[int, float]]:
    """Losses of the job on nodes that stay."""
    number = cluster.submit(JOB)
    ended = cluster.wait_for_end(number)
    assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "0"), cluster.log(JOB, number)
    return cluster.losses(JOB, number)


def test_a_job_trains_on_two_nodes_and_leaves_its_model(cluster: Cluster, undisturbed: list[tuple[int, float]]) -> None:
    assert [step for step, _ in undisturbed] == list(range(1, STEPS + 1))
    model = cluster.fsx / "runs/bytes-lm/1/model"
    manifest = ArtifactManifest.read(model)
    manifest.verify(model)
    assert manifest.metrics["loss"] == undisturbed[-1][1]


def test_a_node_without_power_is_noticed_and_its_job_goes_on_on_another_of_its_name(
    cluster: Cluster, undisturbed: list[tuple[int, float]]
) -> None:
    number = cluster.submit(JOB)
    cluster.wait_for_step(JOB, number, LOST_AT)
    cluster.lose("worker-2")
    cluster.wait("requeue", lambda: cluster.state(number)["JobState"] == "PENDING")
    cluster.bring_back("worker-2", replaced=True)
    went_on(cluster, number, undisturbed)


def test_a_rank_that_is_killed_costs_the_job_no_more_than_the_steps_since_the_last_commit(
    cluster: Cluster, undisturbed: list[tuple[int, float]]
) -> None:
    number = cluster.submit(JOB)
    cluster.wait_for_step(JOB, number, LOST_AT)
    cluster.kill_rank("worker-2")
    went_on(cluster, number, undisturbed)
    [failure] = (cluster.fsx / f"runs/bytes-lm/{number}/failures").read_text().splitlines()
    assert failure.startswith("exit code 1 at ")


def went_on(cluster: Cluster, number: str, undisturbed: list[tuple[int, float]]) -> None:
    """The job was queued again once, resumed from its last commit, and came to the same losses, bit for bit."""
    ended = cluster.wait_for_end(number)
    log = cluster.log(JOB, number)
    assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "1"), log
    [(resumed, _)] = figures(log, metrics.RESTORED_STEP)
    before = log.partition(metrics.RESTORED_STEP.name)[0]
    assert resumed == max(step for step, _ in figures(before, metrics.CHECKPOINT_STEP)) >= 20
    losses = cluster.losses(JOB, number)
    assert sorted(set(losses)) == undisturbed
    assert losses[-1][0] == STEPS
    assert [step for step, _ in losses].count(resumed) == 1


def test_a_cancelled_job_is_saved_first_and_another_submission_goes_on(cluster: Cluster) -> None:
    number = cluster.submit(ENDLESS)
    cluster.wait_for_step(ENDLESS, number, 10)
    cluster.ask("scancel", number)
    assert cluster.wait_for_end(number, 30)["JobState"] == "CANCELLED"
    log = cluster.log(ENDLESS, number)
    last = cluster.losses(ENDLESS, number)[-1][0]
    assert [step for _, step in figures(log, metrics.CHECKPOINT_STEP)] == [last], log

    second = cluster.submit(ENDLESS, **{jobs.RUN: number})
    cluster.wait_for_step(ENDLESS, second, last + 1)
    cluster.ask("scancel", second)
    cluster.wait_for_end(second, 30)
    assert cluster.losses(ENDLESS, second)[0][0] == last + 1


def test_at_its_limit_a_job_is_saved_and_queued_again(cluster: Cluster) -> None:
    number = cluster.submit(ENDLESS)
    cluster.wait_for_step(ENDLESS, number, 10)
    # What Slurm itself does two minutes before the limit, by --signal=B:USR1@120.
    cluster.ask("scancel", "--batch", "--signal=USR1", number)
    cluster.wait("requeue", lambda: cluster.state(number)["Restarts"] == "1", 30)
    saved = cluster.losses(ENDLESS, number)[-1][0]
    cluster.wait_for_step(ENDLESS, number, saved + 5)
    cluster.ask("scancel", number)
    cluster.wait_for_end(number, 30)
    assert all(one < other for (one, _), (other, _) in itertools.pairwise(cluster.losses(ENDLESS, number)))


def test_a_submission_without_its_places_ends_with_the_way_out(cluster: Cluster) -> None:
    script = cluster.fsx / "bare.sh"
    script.write_text(JOB.text())
    number = cluster.ask("sbatch", "--parsable", f"/fsx/{script.name}").strip()
    assert cluster.wait_for_end(number)["JobState"] == "FAILED"
    path = Path(cluster.fsx / "runs" / f"bytes-lm-{number}.log")
    assert "TRAINYARD_CODE: is not set: take trainyard cluster submit bytes-lm" in path.read_text()

"""slurm.conf says what the nodes are."""

import pytest

from trainyard.local.clusters.slurm_configuration import SlurmNode, Timing, configuration, devices

NODES = [
    SlurmNode(name="head", address="10.0.0.1", type="controller"),
    SlurmNode(name="door", address="10.0.0.2", type="login"),
    SlurmNode(name="w1", address="10.0.0.3", type="compute", cpus=192, memory_mib=2_000_000, gpus=8),
    SlurmNode(name="w2", address="10.0.0.4", type="compute", partitions=("small", "all"), cpus=4),
]


def lines(nodes: list[SlurmNode], timing: Timing = Timing()) -> list[str]:  # noqa: B008 - frozen
    return configuration("demo", nodes, timing, "/usr/lib/slurm-wlm", accounting=False).splitlines()


def test_each_node_is_what_it_was_described_as() -> None:
    found = lines(NODES)
    assert "SlurmctldHost=head(10.0.0.1)" in found
    assert [line for line in found if line.startswith("NodeName")] == [
        "NodeName=w1 NodeAddr=10.0.0.3 CPUs=192 RealMemory=2000000 Gres=gpu:8 State=UNKNOWN",
        "NodeName=w2 NodeAddr=10.0.0.4 CPUs=4 RealMemory=1024 State=UNKNOWN",
    ]
    assert "GresTypes=gpu" in found
    assert devices(NODES) == "NodeName=w1 Name=gpu Count=8\n"


def test_threads_of_a_core_are_said_where_they_were_asked_for() -> None:
    node = SlurmNode(name="w", address="10.0.0.3", type="compute", cpus=96, threads_per_core=2)
    [found] = [line for line in lines([NODES[0], node]) if line.startswith("NodeName")]
    assert found.split()[2:5] == ["CPUs=96", "CoresPerSocket=48", "ThreadsPerCore=2"]


def test_every_compute_node_is_in_the_partition_for_all_and_in_its_own() -> None:
    assert [line for line in lines(NODES) if line.startswith("PartitionName")] == [
        "PartitionName=dev Nodes=w1,w2 State=UP MaxTime=INFINITE Default=YES",
        "PartitionName=small Nodes=w2 State=UP MaxTime=INFINITE",
        "PartitionName=all Nodes=w2 State=UP MaxTime=INFINITE",
    ]


def test_a_cluster_without_workers_has_a_node_that_never_comes() -> None:
    found = lines(NODES[:2])
    assert [line for line in found if line.startswith(("NodeName", "PartitionName", "GresTypes"))] == [
        "NodeName=none-yet State=FUTURE",
        "PartitionName=dev Nodes=none-yet State=UP MaxTime=INFINITE Default=YES",
    ]


def test_times_are_passed_on_and_those_that_slurm_would_not_take_are_refused() -> None:
    found = lines(NODES, Timing(node_lost=7, requeue_wait=6, kill_wait=3))
    assert {"SlurmdTimeout=7", "AuthInfo=cred_expire=6", "KillWait=3"} <= set(found)
    with pytest.raises(ValueError, match=r"requeue_wait: got 4, but Slurm takes at least 5 s\. Raise it\."):
        Timing(requeue_wait=4)


@pytest.mark.parametrize("nodes", [NODES[1:], [NODES[0], *NODES]])
def test_a_cluster_has_one_controller(nodes: list[SlurmNode]) -> None:
    with pytest.raises(ValueError, match=r"nodes: got [02] controllers, but a cluster has one"):
        lines(nodes)

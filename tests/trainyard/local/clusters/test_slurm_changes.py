"""What others have changed in slurm.conf outlives its being written again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.clusters.slurm_changes import changes, merged
from trainyard.local.clusters.slurm_configuration import SlurmNode, Timing, configuration

HEAD = SlurmNode(name="head", address="10.0.0.1", type="controller")
WORKERS = [SlurmNode(name=f"w{n}", address=f"10.0.0.{n + 1}", type="compute") for n in (1, 2)]


def text(*workers: SlurmNode) -> str:
    return configuration("demo", [HEAD, *workers], Timing(), "/usr/lib/slurm-wlm", accounting=False)


BEFORE, AFTER = text(WORKERS[0]), text(*WORKERS)


def again(by_hand: str) -> list[str]:
    """Lines of the file for two workers that the cluster itself would not have written."""
    return changes(AFTER, merged(AFTER, changes(BEFORE, by_hand)))


def test_an_include_of_the_lifecycle_stays() -> None:
    assert again(BEFORE + "\ninclude trainyard.conf\n") == ["include trainyard.conf"]


def test_a_value_that_was_changed_stands_once_and_as_it_was_changed() -> None:
    new = merged(AFTER, changes(BEFORE, BEFORE.replace("KillWait=10", "killwait = 60  # patience")))
    assert [line for line in new.splitlines() if line.lower().startswith("killwait")] == ["killwait = 60  # patience"]


def test_nodes_and_partitions_are_as_the_cluster_says_and_others_stay() -> None:
    by_hand = BEFORE.replace("CPUs=1", "CPUs=64") + "PartitionName=night Nodes=w1 State=UP\nNodeSet=all Feature=x\n"
    assert again(by_hand) == ["PartitionName=night Nodes=w1 State=UP", "NodeSet=all Feature=x"]
    assert "NodeName=w1 NodeAddr=10.0.0.2 CPUs=1 RealMemory=1024 State=UNKNOWN" in merged(AFTER, [])


@pytest.mark.parametrize("same", [BEFORE.upper(), BEFORE + "\n# a note\n\n"])
def test_what_means_the_same_to_slurm_is_no_change(same: str) -> None:
    assert changes(BEFORE, same) == []


BY_HAND = ("include a.conf", "Prolog=/p", "Prolog=/q", "KillWait=60", "PartitionName=x Nodes=w1")


@given(st.lists(st.sampled_from(BY_HAND)))
def test_writing_it_twice_changes_nothing_more(lines: list[str]) -> None:
    once = merged(AFTER, lines)
    assert merged(AFTER, changes(AFTER, once)) == once

"""Nodes in several ranges of one VPC, and ranges that it gets while nodes are on."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.node import available
from trainyard.local.databases import Database
from trainyard.local.databases.door import Door
from trainyard.local.namespaces import network

REASON = available()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)
PORT = 7001


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    made = Bridge(tmp_path / "hosts", "10.63.0.0/22", "100.64.8.0/24")
    yield made
    made.close()


def reached(namespace: int, address: str) -> bool:
    """Whether a program in a namespace connects to an address."""
    try:
        network.connect(namespace, PORT, address).close()
    except OSError:
        return False
    return True


def test_nodes_of_every_range_reach_each_other_and_nothing_else(bridge: Bridge) -> None:
    addresses = ["10.63.0.4", "10.63.3.9", "100.64.8.4"]
    nodes = [bridge.plug(f"node-{index}", address) for index, address in enumerate(addresses)]
    doors = [network.listen(node, PORT, address) for node, address in zip(nodes, addresses, strict=True)]
    assert all(reached(node, address) for node in nodes for address in addresses)
    assert not reached(nodes[0], "100.64.9.4")
    with pytest.raises(ValueError, match=r"outside the cluster's 10\.63\.0\.0/22 and 100\.64\.8\.0/24"):
        bridge.plug("late", "100.64.9.4")
    for door in doors:
        door.close()
    for node in nodes:
        os.close(node)


def test_a_range_that_is_added_later_is_reached_by_nodes_that_are_on(bridge: Bridge) -> None:
    early = bridge.plug("early", "10.63.0.4")
    for _ in range(2):
        bridge.widen(["10.63.0.0/22", "100.64.8.0/24", "10.64.0.0/24"])
    late = bridge.plug("late", "10.64.0.4")
    with network.listen(late, PORT, "10.64.0.4"), network.listen(early, PORT, "10.63.0.4"):
        assert reached(early, "10.64.0.4")
        assert reached(late, "10.63.0.4")
    os.close(early)
    os.close(late)


def test_a_database_in_another_range_is_reached(bridge: Bridge) -> None:
    node = bridge.plug("head", "100.64.8.4")
    ours, theirs = socket.socketpair()
    told = Database(host="db.local", address="10.63.0.30", port=PORT, groups=(), connect=lambda: theirs)
    door = Door(bridge, told)
    assert reached(node, "10.63.0.30")
    door.close()
    ours.close()
    os.close(node)


def test_it_keeps_no_descriptor(tmp_path: Path) -> None:
    def descriptors() -> set[str]:
        # What earlier tests left to the garbage collector goes at any time.
        gc.collect()
        # The listing has one of its own, which is closed by then.
        return {path.name for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}

    before = descriptors()
    made = Bridge(tmp_path / "hosts", "10.63.0.0/22")
    for index in range(3):
        os.close(made.plug(f"node-{index}", f"10.63.0.{4 + index}"))
    made.unplug("node-0")
    made.close()
    assert descriptors() <= before

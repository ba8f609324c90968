"""The scripts on machines of the embedded cloud: its nodes, its stand-ins for the image."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from cluster_nodes import SCRIPTS, configuration, make, put, resources

from cluster_code import LIFECYCLE
from ml_contract.clusters import places
from ml_contract.clusters.nodes import NodeType
from ml_contract.clusters.software import Slurm
from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.node import Node, available
from trainyard.local.clusters.site import IMAGE

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(available()), reason=f"nodes are namespaces: {available()}")]

GROUPS: dict[str, NodeType] = {"controller": "controller", "login": "login", "workers": "compute"}
ADDRESSES = {name: f"10.199.7.{10 + number}" for number, name in enumerate(GROUPS)}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    folder = tmp_path_factory.mktemp("nodes")
    bridge = Bridge(folder / "hosts", "10.199.7.0/24")
    (folder / "shared").mkdir()
    found = {
        name: Node(name=name, folder=folder / name, address=address, bridge=bridge, layers=(IMAGE,),
                   shared={"/fsx": folder / "shared"})
        for name, address in ADDRESSES.items()
    }  # fmt: skip
    told = configuration(GROUPS, Slurm(daemons="started-after", logins="anyone"))
    for node in found.values():
        node.start()
        put(node, told, resources(ADDRESSES))
    yield found
    for node in found.values():
        node.close()
    bridge.close()


@pytest.mark.parametrize("name", GROUPS)
def test_a_node_is_made(nodes: dict[str, Node], name: str) -> None:
    code, lines = make(nodes[name])
    assert code == 0, "\n".join(lines)
    assert lines[-1].startswith(f"lifecycle: node {name}-1 ({GROUPS[name]}) is ready: ")
    assert nodes[name].path(places.DONE).read_text().startswith("i-")


def test_power_is_lost_in_the_middle(nodes: dict[str, Node]) -> None:
    node, seen = nodes["login"], nodes["login"].folder.parent / "shared" / "in-the-middle"
    step = f"{SCRIPTS}/steps/check-access.sh"
    assert make(node)[0] == 0
    node.path(step).write_text("run() { touch /fsx/in-the-middle; sleep 60; }\n")
    program = node.spawn(["bash", f"{SCRIPTS}/{places.ENTRY}"])
    until(seen.exists)
    node.kill()
    assert program.wait(60) != 0
    node.start()
    assert not node.path(places.DONE).exists()
    node.path(step).write_bytes((LIFECYCLE / "steps" / "check-access.sh").read_bytes())
    code, lines = make(node)
    assert code == 0, "\n".join(lines)
    assert ", 1 of them now, in " in lines[-1]


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)

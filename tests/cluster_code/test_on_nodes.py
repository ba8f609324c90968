"""The scripts on machines of the embedded cloud: its nodes, its stand-ins for the image, the agent's order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster_code import LIFECYCLE
from ml_contract.clusters import places
from ml_contract.clusters.groups import Host, NodeGroup
from ml_contract.clusters.lifecycle import LifecycleConfiguration
from ml_contract.clusters.mounts import MountedByHyperPod
from ml_contract.clusters.nodes import ClusterInstance, InstanceGroup, ResourceConfig
from ml_contract.clusters.people import User, UsersFile
from ml_contract.clusters.software import Slurm
from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.node import Node, available
from trainyard.local.clusters.site import IMAGE

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(available()), reason=f"nodes are namespaces: {available()}")]

GROUPS = {"controller": "10.199.7.10", "login": "10.199.7.11", "workers": "10.199.7.12"}
TYPES = {"controller": "controller", "login": "login", "workers": "compute"}


def documents() -> dict[str, str]:
    cpu = (Host.of("ml.c5.xlarge", efa=False),)
    told = LifecycleConfiguration(
        cluster="here",
        groups=tuple(NodeGroup(name=name, node_type=TYPES[name], hosts=cpu) for name in GROUPS),  # type: ignore[arg-type]
        slurm=Slurm(daemons="started-after", logins="anyone"),
        mounts=(MountedByHyperPod(path="/fsx"),),
        users=UsersFile(users=(User(name="alice", uid=2001, gid=2001),), home="/fsx/home"),
        linger=0,
    )
    resources = ResourceConfig(
        cluster_name="here",
        cluster_arn="arn:aws:sagemaker:eu-west-1:123456789012:cluster/abcdef012345",
        groups=tuple(
            InstanceGroup(
                name=name,
                instance_type="ml.c5.xlarge",
                instances=(
                    ClusterInstance(name=f"{name}-1", instance_id=f"i-0123456789abc00{address[-2:]}", address=address,
                                    agent_address=address),
                ),
            )
            for name, address in GROUPS.items()
        ),
    )  # fmt: skip
    return {
        f"/opt/scripts/{places.LIFECYCLE_CONFIGURATION}": told.to_text(),
        places.RESOURCE_CONFIG: resources.to_text(),
    }


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    folder = tmp_path_factory.mktemp("nodes")
    bridge = Bridge(folder / "hosts", "10.199.7.0/24")
    (folder / "shared").mkdir()
    found = {
        name: Node(name=f"ip-{address.replace('.', '-')}", folder=folder / name, address=address, bridge=bridge,
                   shared={"/fsx": folder / "shared"}, layers=(IMAGE,))
        for name, address in GROUPS.items()
    }  # fmt: skip
    for node in found.values():
        node.start()
        for name, text in documents().items():
            node.path(name).parent.mkdir(parents=True, exist_ok=True)
            node.path(name).write_text(text)
        for source in LIFECYCLE.rglob("*"):
            if source.is_file() and "__pycache__" not in source.parts:
                target = node.path(f"/opt/scripts/{source.relative_to(LIFECYCLE)}")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
    yield found
    for node in found.values():
        node.kill()
    bridge.close()


def make(node: Node) -> tuple[int, list[str]]:
    lines: list[str] = []
    code = node.run(["bash", "/opt/scripts/on_create.sh"], timeout=60, log=lines.append)
    return code, [line.rstrip("\n") for line in lines]


@pytest.mark.parametrize("name", GROUPS)
def test_a_node_is_made(nodes: dict[str, Node], name: str) -> None:
    code, lines = make(nodes[name])
    assert code == 0, "\n".join(lines)
    assert lines[-1].startswith(f"lifecycle: node {name}-1 ({TYPES[name]}) is ready: ")
    assert Path(nodes[name].path(places.DONE)).read_text().startswith("i-")


def test_power_is_lost_in_the_middle(nodes: dict[str, Node]) -> None:
    node, seen = nodes["login"], nodes["login"].folder.parent / "shared" / "in-the-middle"
    step = LIFECYCLE / "steps" / "check-access.sh"
    node.path("/opt/scripts/steps/check-access.sh").write_text("run() { touch /fsx/in-the-middle; sleep 60; }\n")
    program = node.spawn(["bash", "/opt/scripts/on_create.sh"])
    until(seen.exists)
    node.kill()
    assert program.wait(10) != 0
    node.start()
    assert not node.path(places.DONE).exists()
    node.path("/opt/scripts/steps/check-access.sh").write_bytes(step.read_bytes())
    code, lines = make(node)
    assert code == 0, "\n".join(lines)
    assert lines[-1].endswith(" s")
    assert ", 1 of them now, in " in lines[-1]


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)

"""A node is a machine: its own disk, network, processes and name, until its power goes."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainyard.local import processes
from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.node import Node, available

REASON = available()
pytestmark = [pytest.mark.skipif(bool(REASON), reason=REASON), pytest.mark.slow]


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    bridge = Bridge(tmp_path_factory.mktemp("bridge") / "hosts", "10.61.0.0/16")
    yield bridge
    bridge.close()


@pytest.fixture
def nodes(bridge: Bridge, tmp_path: Path) -> Iterator[list[Node]]:
    (tmp_path / "shared").mkdir()
    made = [
        Node(
            name=f"node-{number}", folder=tmp_path / f"node-{number}", address=f"10.61.0.{number}", bridge=bridge,
            shared={"/fsx": tmp_path / "shared"}, environment={"GREETING": "hello"},
        )
        for number in (1, 2)
    ]  # fmt: skip
    for node in made:
        node.start()
    yield made
    for node in made:
        node.close()


def said(node: Node, command: str) -> list[str]:
    lines: list[str] = []
    assert node.run(["bash", "-c", command], log=lines.append) == 0, lines
    return lines


def test_what_a_node_writes_stays_on_its_disk_and_what_is_shared_is_seen_by_all(nodes: list[Node]) -> None:
    one, other = nodes
    said(one, "echo own >/etc/of-the-node; mkdir -p /opt/ml; echo all >/fsx/of-all; echo gone >/run/lost")
    assert said(other, "cat /fsx/of-all; ls /etc/of-the-node /run/lost 2>/dev/null || true") == ["all"]
    assert not Path("/etc/of-the-node").exists()
    assert one.path("/etc/of-the-node").read_text() == "own\n"
    one.kill()
    assert one.path("/etc/of-the-node").read_text() == "own\n"
    one.start()
    assert said(one, "cat /etc/of-the-node; ls /run/lost 2>/dev/null || true") == ["own"]
    one.wipe()
    one.start()
    assert said(one, "ls /etc/of-the-node 2>/dev/null || true") == []


def test_nodes_know_each_other_by_name_and_have_processes_of_their_own(nodes: list[Node]) -> None:
    assert said(nodes[0], "hostname; echo $GREETING; getent hosts node-2 | tr -s ' '") == [
        "node-1", "hello", "10.61.0.2 node-2",
    ]  # fmt: skip
    assert int(said(nodes[0], "ls -d /proc/[0-9]* | wc -l")[0]) < 10


COUNT = """count() {
  for i in {1..1000}; do n=$(ps -eo comm= | grep -cx sleep); (( n == $1 )) && break; done; echo $n
}; count"""
"""How many `sleep` a node has, once there are so many: a process gets its name after its start, and a zombie has it."""


def test_exit_codes_signals_and_time_limits_are_told_apart(nodes: list[Node]) -> None:
    node = nodes[0]
    assert node.run(["bash", "-c", "exit 7"]) == 7
    assert node.run(["bash", "-c", "kill -TERM $$"]) == 143
    assert node.run(["nonesuch"]) == 127
    with pytest.raises(TimeoutError, match=r"^bash: no end within 0\.2 s: killed$"):
        node.run(["bash", "-c", "sleep 60 & wait"], timeout=0.2)
    assert said(node, f"{COUNT} 0") == ["0"]


def test_what_a_program_leaves_behind_runs_on_and_is_collected(nodes: list[Node]) -> None:
    node = nodes[0]
    assert node.run(["bash", "-c", "sleep 60 & disown"]) == 0
    assert said(node, f"{COUNT} 1; pkill sleep") == ["1"]
    assert said(node, f"{COUNT} 0") == ["0"]


def test_without_power_everything_of_a_node_is_gone_and_nobody_hears_of_it(nodes: list[Node]) -> None:
    one, other = nodes
    listen = (
        "import socket, time; s = socket.create_server(('', 7000)); c = s.accept()[0]; c.send(b'!'); time.sleep(60)"
    )
    server = one.spawn(["python3", "-c", listen])
    # A connection that stays open, whose other side says when it hears something.
    wait = (
        "import socket, time\n"
        "while True:\n"
        "    try:\n"
        "        c = socket.create_connection(('node-1', 7000)); break\n"
        "    except OSError: time.sleep(0.05)\n"
        "print(c.recv(1), flush=True)\n"
        "print('heard', c.recv(1), flush=True)\n"
    )
    lines: list[str] = []
    connected = threading.Event()
    client = other.spawn(["python3", "-c", wait], log=lambda line: (lines.append(line), connected.set())[1])
    assert connected.wait(60)
    held = server.pids
    assert held
    one.kill()
    assert server.wait(60) == 137
    assert not any(processes.alive(pid) for pid in held)
    assert not one.alive
    with pytest.raises(OSError, match="node-1: the node has no power"):
        one.run(["true"])
    # With the cable in, the kernel would have closed the connection at once.
    time.sleep(0.3)
    assert lines == ["b'!'"]
    assert client.running
    client.kill()


def test_a_node_reaches_the_cloud_and_its_cluster_alone(bridge: Bridge, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as cloud:
        port = cloud.getsockname()[1]
        node = Node(
            name="reaching", folder=tmp_path / "disk", address="10.61.0.9", bridge=bridge,
            endpoint_url=f"http://127.0.0.1:{port}",
        )  # fmt: skip
        node.start()
        try:
            assert said(node, "echo $AWS_ENDPOINT_URL") == [f"http://127.0.0.1:{port}"]
            client = node.spawn(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}; echo hello >&3"])
            cloud.settimeout(60)
            connection, _ = cloud.accept()
            assert connection.recv(5) == b"hello"
            connection.close()
            client.wait(60)
            assert node.run(["bash", "-c", "exec 3<>/dev/tcp/192.0.2.1/80"], timeout=60) != 0
        finally:
            node.close()


def test_addresses_are_of_one_node_and_of_the_network(bridge: Bridge, nodes: list[Node], tmp_path: Path) -> None:
    for address, refused in (("10.61.0.1", "node-1 has it"), ("10.62.0.1", "outside the cluster's 10.61.0.0/16")):
        with pytest.raises(ValueError, match=refused):
            Node(name="late", folder=tmp_path / "late", address=address, bridge=bridge).start()
    nodes[0].close()
    late = Node(name="late", folder=tmp_path / "late", address="10.61.0.1", bridge=bridge)
    late.start()
    late.close()


def test_a_disk_that_cannot_be_one_is_said(bridge: Bridge, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    node = Node(name="odd", folder=tmp_path / "odd", address="10.61.0.8", bridge=bridge, layers=[layer])
    with pytest.raises(OSError, match=r"odd: .*overlay"):
        node.start()
    assert not node.alive
    layer.mkdir()
    (layer / "of-the-layer").touch()
    node.start()
    assert said(node, "ls /of-the-layer") == ["/of-the-layer"]
    node.close()


def test_a_machine_that_starts_no_process_says_so(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node(name="late", folder=tmp_path / "late", address="10.61.0.7", bridge=bridge)
    monkeypatch.setattr("sys.executable", "/nonesuch")
    with pytest.raises(OSError, match=r"late: .*No such file"):
        node.start()
    assert not node.alive
    monkeypatch.undo()
    node.start()
    assert node.run(["true"]) == 0
    node.close()

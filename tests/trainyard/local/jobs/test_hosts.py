"""Hosts as namespaces and as processes: what a program sees, what it can reach, and that nothing stays."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from trainyard.local.jobs.hosts import Hosts, hosts, isolation
from trainyard.local.namespaces import network
from trainyard.local.namespaces.process import Listener

from .conftest import ISOLATIONS, NEEDS_ROOT, processes_with, wait_for

pytestmark = pytest.mark.slow  # programs on hosts of namespaces and of processes

PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


class Recorder:
    """Hears what hosts say."""

    def __init__(self, count: int) -> None:
        self.lines: list[list[str]] = [[] for _ in range(count)]
        self.ends: dict[int, object] = {}
        self.done = threading.Event()

    @property
    def listener(self) -> Listener:
        return Listener(line=lambda host, text: self.lines[host].append(text), exit=self.end, broken=self.end)

    def end(self, host: int, how: object) -> None:
        self.ends[host] = how
        if len(self.ends) == len(self.lines):
            self.done.set()


class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"cloud")

    def log_message(self, *_arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def run(group: Hosts, command: Sequence[str], size: int | None = None) -> Recorder:
    recorder = Recorder(len(group.names))
    mark = {"TRAINYARD_TEST": str(group.root)}
    environments = [PATH | mark | group.variables(host) for host in range(len(group.names))]
    group.start(command, environments, recorder.listener, size)
    assert recorder.done.wait(20), recorder.lines
    group.drain()
    return recorder


@pytest.mark.parametrize("kind", ISOLATIONS)
def test_programs_run_on_their_own_base(kind: Any, tmp_path: Path, endpoint: str) -> None:
    group = hosts(kind, tmp_path / "hosts", 2, endpoint)
    for host in range(2):
        (group.folder(host) / "in").write_text(str(host))
    script = (
        "cd ${SAGEMAKER_BASE_DIR:-/opt/ml}; cat in; echo; pwd; echo $AWS_ENDPOINT_URL; echo out >out; "
        "exec 3<>/dev/tcp/127.0.0.1/${AWS_ENDPOINT_URL##*:}; "
        'printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; tail -n1 <&3; exit $(cat in)'
    )
    recorder = run(group, ["bash", "-c", script])
    assert recorder.ends == {0: 0, 1: 1}
    for host in range(2):
        where = "/opt/ml" if kind == "namespaces" else str(group.folder(host))
        assert recorder.lines[host] == [str(host), where, endpoint, "cloud"]
        assert (group.folder(host) / "out").read_text() == "out\n"
    group.close()
    assert not (tmp_path / "hosts").exists()


@pytest.mark.parametrize("kind", ISOLATIONS)
def test_what_a_program_leaves_running_ends_with_it(kind: Any, tmp_path: Path, endpoint: str) -> None:
    group = hosts(kind, tmp_path / "hosts", 1, endpoint)
    recorder = run(
        group, ["bash", "-c", "setsid sleep 300 & (setsid sleep 300 &) ; nohup sleep 300 >/dev/null 2>&1 & exit 4"]
    )
    assert recorder.ends == {0: 4}
    assert processes_with(f"TRAINYARD_TEST={group.root}") == []
    group.close()


@pytest.mark.parametrize("kind", ISOLATIONS)
def test_closing_ends_whatever_runs(kind: Any, tmp_path: Path, endpoint: str) -> None:
    group = hosts(kind, tmp_path / "hosts", 2, endpoint)
    recorder = Recorder(2)
    group.start(
        ["bash", "-c", "trap '' TERM; (trap '' TERM; setsid sleep 300) & echo ready; sleep 300"],
        [PATH | group.variables(host) | {"TRAINYARD_TEST": group.root.as_posix()} for host in range(2)],
        recorder.listener,
        None,
    )
    wait_for(lambda: recorder.lines, lambda lines: lines == [["ready"], ["ready"]], 10)
    group.close()
    assert processes_with(f"TRAINYARD_TEST={group.root}") == []


@NEEDS_ROOT
def test_nothing_of_the_machine_changes(tmp_path: Path, endpoint: str) -> None:
    before = (machine(), sorted(Path("/opt").iterdir()))
    group = hosts("namespaces", tmp_path / "hosts", 2, endpoint)
    during = machine()
    run(group, ["sh", "-c", "hostname; touch /opt/ml/x; echo 1 >/dev/shm/x"])
    group.close()
    assert during == before[0]
    assert (machine(), sorted(Path("/opt").iterdir())) == before
    assert not Path("/dev/shm/x").exists()


def machine() -> tuple[str, str, str]:
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return links, names, Path("/proc/self/mounts").read_text()


@NEEDS_ROOT
def test_hosts_reach_each_other_by_name_and_nobody_else(tmp_path: Path, endpoint: str) -> None:
    group = hosts("namespaces", tmp_path / "hosts", 2, endpoint)
    program = (
        "import socket, sys, time\n"
        "if socket.gethostname() == 'algo-1':\n"
        "    server = socket.create_server(('algo-1', 7777))\n"
        "    other, address = server.accept()\n"
        "    print(other.recv(9).decode())\n"
        "else:\n"
        "    for _ in range(100):\n"
        "        try: peer = socket.create_connection(('algo-1', 7777)); break\n"
        "        except ConnectionRefusedError: time.sleep(.05)\n"
        "    peer.send(socket.gethostname().encode())\n"
        "try: socket.create_connection(('192.0.2.1', 80), 1)\n"
        "except OSError as error: print(error.strerror)\n"
    )
    recorder = run(group, [sys.executable, "-c", program])
    group.close()
    assert recorder.lines == [["algo-2", "Network is unreachable"], ["Network is unreachable"]]


@NEEDS_ROOT
def test_pid_1_without_a_handler_outlives_sigterm_as_in_a_container(tmp_path: Path, endpoint: str) -> None:
    group = hosts("namespaces", tmp_path / "hosts", 1, endpoint)
    recorder = Recorder(1)
    group.start(["sleep", "300"], [PATH], recorder.listener, None)
    group.terminate(0)
    assert not recorder.done.wait(0.3)
    group.kill(0)
    assert recorder.done.wait(10)
    assert recorder.ends == {0: 137}
    group.close()


@NEEDS_ROOT
def test_a_disk_too_small_for_the_input_is_said(tmp_path: Path, endpoint: str) -> None:
    group = hosts("namespaces", tmp_path / "hosts", 1, endpoint)
    (group.folder(0) / "big").write_bytes(b"x" * 200_000)
    recorder = run(group, ["true"], size=50_000)
    group.close()
    assert "No space left on device" in str(recorder.ends[0])


@pytest.mark.parametrize("kind", ISOLATIONS)
def test_a_host_whose_holder_is_killed_is_told(kind: Any, tmp_path: Path, endpoint: str) -> None:
    group = hosts(kind, tmp_path / "hosts", 1, endpoint)
    recorder = Recorder(1)
    group.start(["sleep", "300"], [PATH | {"TRAINYARD_TEST": group.root.as_posix()}], recorder.listener, None)
    wait_for(lambda: processes_with(f"TRAINYARD_TEST={group.root}"), bool, 10)
    os.kill(group._processes[0]._process.pid, signal.SIGKILL)
    assert recorder.done.wait(10)
    assert "ended from outside" in str(recorder.ends[0])
    wait_for(lambda: processes_with(f"TRAINYARD_TEST={group.root}"), lambda found: not found, 5)
    group.close()


def test_without_root_or_ip_hosts_are_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert isolation("auto") == isolation("processes") == "processes"
    with pytest.raises(ValueError, match="isolation: got 'namespaces', but only root may make network namespaces"):
        isolation("namespaces")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert "iproute2" in network.available()


def test_a_signal_to_a_host_that_has_just_ended_is_no_error(tmp_path: Path, endpoint: str) -> None:
    group = Hosts(tmp_path / "hosts", 1, endpoint)
    try:
        run(group, ["true"])
        (process,) = group._processes
        ended = subprocess.Popen(["true"])
        ended.wait()
        process._pid = ended.pid  # as if the report of its end were still on its way
        group.terminate(0)
        group.kill(0)
    finally:
        group.close()

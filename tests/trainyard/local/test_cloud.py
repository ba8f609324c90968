"""The cloud as its operator sees it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from trainyard.local.cloud import ROOT, Cloud, CloudError


def listening(pid: int) -> set[str]:
    """Local addresses of the TCP sockets that a process listens on, and of its UDP sockets."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and fields[3] == state:
                found.add(f"{table} {fields[1]}")
    return found


def test_importing_it_is_quick_and_draws_in_no_sdk() -> None:
    code = (
        "import sys, trainyard.local.cloud; print([m for m in ('boto3', 'ministack', 'aws_cdk') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout.strip() == "[]"


def test_up_twice_reports_the_one_that_runs(cloud: Cloud) -> None:
    first, second = cloud.status(), cloud.up()
    assert first.running
    assert second.pid == first.pid


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_only_loopback_is_bound(cloud: Cloud, client: Callable) -> None:
    # Services that bring listeners of their own start them when they are first used.
    client("s3").list_buckets()
    client("lambda").list_functions()
    pid = cloud.status().pid
    assert pid is not None
    address = f"tcp 0100007F:{cloud.port:04X}"
    assert listening(pid) == {address}


def test_the_environment_is_all_that_a_client_needs(cloud: Cloud) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=clean | cloud.environment(), check=True
    )
    assert ran.stdout.strip() == "arn:aws:iam::123456789012:root"


@pytest.mark.slow
def test_another_program_on_the_port_is_named(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud()

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

    with HTTPServer(("127.0.0.1", cloud.port), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for action in (cloud.up, cloud.down, cloud.status):
            with pytest.raises(CloudError, match=rf"port: got {cloud.port}, but another program"):
                action()
        server.shutdown()


def test_a_silent_program_on_the_port_is_named(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud()
    with socket.socket() as other:
        other.bind(("127.0.0.1", cloud.port))
        with pytest.raises(CloudError, match="another program"):
            cloud.up()


def test_the_server_itself_refuses_a_port_that_is_taken(cloud: Cloud, tmp_path: Path) -> None:
    python = cloud.environments / "cloud" / "bin" / "python"
    ran = subprocess.run(
        [python, "-m", "trainyard.local.server", "--state", tmp_path, "--port", str(cloud.port)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert f"port: got {cloud.port}, but another program" in ran.stderr
    assert "--port" in ran.stderr


def test_the_state_of_another_cloud_on_the_port_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="keeps its state in"):
        Cloud(tmp_path, cloud.port).up()


def test_a_state_that_another_cloud_holds_is_refused(cloud: Cloud, new_cloud: Callable[..., Cloud]) -> None:
    elsewhere = new_cloud()
    with pytest.raises(CloudError, match=rf"port: got {elsewhere.port}, but a cloud serves .* on port {cloud.port}"):
        Cloud(cloud.state, elsewhere.port).up()


def test_missing_environments_name_the_way_out(tmp_path: Path, new_cloud: Callable[..., Cloud]) -> None:
    with pytest.raises(CloudError, match="make setup"):
        Cloud(tmp_path / "state", new_cloud().port, tmp_path / "envs").up()


def test_a_cloud_that_is_not_there_is_simply_down(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud()
    assert not cloud.status().running
    assert not cloud.down()
    with pytest.raises(CloudError, match="trainyard local up"):
        cloud.call("ListFaults")


def test_a_stale_pid_file_does_not_hold_the_state(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud()
    (cloud.state / "server.pid").write_text(f"{os.getpid()} {cloud.port}")  # it lives, but is no server
    assert cloud.status().pid is None
    assert not cloud.down()


def test_reset_deletes_no_folder_that_no_cloud_used(tmp_path: Path, new_cloud: Callable[..., Cloud]) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(CloudError, match="no cloud ever kept its state there"):
        Cloud(tmp_path, new_cloud().port).reset()
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.slow
def test_two_ups_at_once_make_one_cloud(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud()
    code = (
        "import sys; from pathlib import Path; from trainyard.local.cloud import Cloud; "
        "print(Cloud(Path(sys.argv[1]), int(sys.argv[2])).up().pid)"
    )
    command = [sys.executable, "-c", code, str(cloud.state), str(cloud.port)]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=120)[0].strip() for process in both]
    assert answers == [str(cloud.status().pid)] * 2


@pytest.mark.slow
def test_down_leaves_no_process_and_reset_no_file(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud()
    pid = cloud.up().pid
    assert pid is not None
    assert cloud.down()
    assert not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()
    assert not cloud.status().running
    cloud.reset()
    assert not cloud.state.exists()


@pytest.mark.slow
def test_a_daemon_that_does_not_stop_is_killed(
    new_cloud: Callable[..., Cloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainyard.local.cloud._STOP_SECONDS", 1.0)
    cloud = new_cloud()
    pid = cloud.up().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    assert cloud.down()
    assert time.monotonic() - started < 10
    assert not cloud.status().running

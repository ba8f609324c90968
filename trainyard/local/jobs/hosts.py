"""The hosts of a job: each with its own /opt/ml, name and entrypoint, as namespaces or as plain processes."""

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal
from urllib.parse import urlsplit

from trainyard.local.jobs import host_init, network
from trainyard.local.jobs.forwarder import Forwarder

_log = logging.getLogger(__name__)

BASE = PurePosixPath("/opt/ml")
_LONGEST_LINE_BYTES = 128 * 1024
_DRAIN_SECONDS = 10.0
Isolation = Literal["auto", "namespaces", "processes"]


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Who hears of a job's hosts; called from threads of their own."""

    line: Callable[[int, str], None]
    """A host (number from 0) wrote a line."""
    exit: Callable[[int, int], None]
    """A host's entrypoint ended with an exit code (128 + n after signal n)."""
    broken: Callable[[int, str], None]
    """A host could not be started, or the process that held it was ended."""


class Hosts:
    """Hosts as plain processes of this user: own base folders and loopback addresses, one network and file system."""

    interface = "lo"

    def __init__(self, root: Path, count: int, endpoint_url: str) -> None:
        """Makes the hosts' folders.

        Args:
            root: folder for them; removed by `close`.
            count: how many.
            endpoint_url: where the cloud listens.
        """
        self.root = root
        self.endpoint_url = endpoint_url
        self.names = [f"127.0.0.{1 + index}" for index in range(count)]
        self._inits: list[_Init] = []
        for index in range(count):
            self.folder(index).mkdir(parents=True)

    def folder(self, host: int) -> Path:
        """What a host sees as /opt/ml."""
        return self.root / f"algo-{host + 1}"

    def inside(self, host: int, path: str) -> Path:
        """Where a path below /opt/ml of a host really is."""
        return self.folder(host) / PurePosixPath(path).relative_to(BASE)

    def variables(self, host: int) -> dict[str, str]:
        """Environment variables by which a host's programs find their place."""
        return {"SAGEMAKER_BASE_DIR": str(self.folder(host)), "AWS_ENDPOINT_URL": self.endpoint_url}

    def start(
        self, command: Sequence[str], environments: Sequence[Mapping[str, str]], listener: Listener, size: int | None
    ) -> None:
        """Starts the entrypoint on every host; call it on the thread that lives as long as the job.

        Args:
            command: the entrypoint with its arguments.
            environments: each host's environment.
            listener: who hears of them.
            size: room of /opt/ml in bytes; None for no limit.
        """
        for host, environment in enumerate(environments):
            orders = {
                "command": list(command),
                "environment": dict(environment),
                "parent": os.getpid(),
                "size": size,
                **self._orders(host),
            }
            self._inits.append(_Init(host, orders, listener))

    def terminate(self, host: int) -> None:
        """Sends SIGTERM to a host's PID 1."""
        self._inits[host].signal(signal.SIGTERM)

    def kill(self, host: int) -> None:
        """Sends SIGKILL to a host's PID 1."""
        self._inits[host].signal(signal.SIGKILL)

    def connect(self, host: int, port: int) -> socket.socket:
        """A connection to a port that a program of a host listens on.

        Raises:
            OSError: nothing listens there.
        """
        return socket.create_connection((self.names[host], port))

    def drain(self) -> None:
        """Waits until the last lines of ended hosts have been heard."""
        for init in self._inits:
            init.drain()

    def close(self) -> None:
        """Ends every process of the hosts and removes their folders."""
        for init in self._inits:
            init.end()
        shutil.rmtree(self.root, ignore_errors=True)

    def _orders(self, host: int) -> dict[str, Any]:
        return {"isolated": False, "folder": str(self.folder(host)), "size": None}


class NamespaceHosts(Hosts):
    """Hosts as network, mount, name and process namespaces (root): algo-1, algo-2, …, on eth0, each with /opt/ml."""

    interface = network.Network.interface

    def __init__(self, root: Path, count: int, endpoint_url: str) -> None:
        """Makes the hosts' folders and network.

        Raises:
            OSError: the machine does not allow it.
        """
        super().__init__(root, count, endpoint_url)
        self.names = [f"algo-{1 + index}" for index in range(count)]
        self._scaffold = root / "scaffold"
        (self._scaffold / BASE.name).mkdir(parents=True)
        self._network = network.Network(count)
        try:
            self._hosts_file = root / "hosts"
            rows = zip(self._network.addresses, self.names, strict=True)
            self._hosts_file.write_text("127.0.0.1 localhost\n" + "".join(f"{a} {name}\n" for a, name in rows))
            target = urlsplit(endpoint_url)
            assert target.hostname
            assert target.port
            self._port = target.port
            listeners = [self._network.listen(host, target.port) for host in range(count)]
            self._forwarder = Forwarder(listeners, target.hostname, target.port)
        except BaseException:
            self._network.close()
            raise

    def variables(self, host: int) -> dict[str, str]:  # noqa: ARG002
        return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}"}

    def connect(self, host: int, port: int) -> socket.socket:
        return self._network.connect(host, port)

    def close(self) -> None:
        for init in self._inits:
            init.end()
        self._forwarder.close()
        self._network.close()
        super().close()

    def _orders(self, host: int) -> dict[str, Any]:
        return {
            "isolated": True,
            "network": self._network.namespaces[host],
            "base": str(BASE),
            "tree": str(self.folder(host)),
            "scaffold": str(self._scaffold),
            "hosts_file": str(self._hosts_file),
            "name": self.names[host],
            "folder": str(BASE),
        }


def isolation(wanted: Isolation) -> Literal["namespaces", "processes"]:
    """What `auto` means here.

    Raises:
        ValueError: namespaces were asked for and cannot be had.
    """
    if wanted == "processes":
        return "processes"
    obstacle = network.available()
    if obstacle and wanted == "namespaces":
        raise ValueError(f"isolation: got 'namespaces', but {obstacle}. Choose 'processes', or 'auto'.")
    return "processes" if obstacle else "namespaces"


def hosts(wanted: Isolation, root: Path, count: int, endpoint_url: str) -> Hosts:
    """The hosts of a job; see `Hosts` for the arguments."""
    shutil.rmtree(root, ignore_errors=True)
    kind = NamespaceHosts if isolation(wanted) == "namespaces" else Hosts
    return kind(root, count, endpoint_url)


class _Init:
    """The process that holds one host, and the threads that listen to it."""

    def __init__(self, host: int, orders: dict[str, Any], listener: Listener) -> None:
        self._host = host
        self._listener = listener
        self._pid: int | None = None
        self._lock = threading.Lock()
        self._known = threading.Event()
        report, report_end = os.pipe()
        passed = [report_end, *([orders["network"]] if orders["isolated"] else [])]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", host_init.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=passed,
            start_new_session=True,
            env={"LANG": "C.UTF-8"},
        )
        os.close(report_end)
        self._threads = [
            threading.Thread(target=self._read_lines, name=f"log of host {host + 1}", daemon=True),
            threading.Thread(target=self._read_report, args=(report,), name=f"watch host {host + 1}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        assert self._process.stdin
        with self._process.stdin as stdin:
            stdin.write(json.dumps({**orders, "report": report_end}).encode())

    def signal(self, number: int) -> None:
        # An order that comes while the host still starts must not be lost.
        self._known.wait(_DRAIN_SECONDS)
        with self._lock:
            if self._pid is not None:
                os.kill(self._pid, number)

    def drain(self) -> None:
        for thread in self._threads:
            thread.join(_DRAIN_SECONDS)

    def end(self) -> None:
        if self._process.poll() is None:
            # It kills every process of the host, waits for them, and ends.
            self._process.terminate()
        try:
            self._process.wait(_DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            _log.error("host %d did not end within %.0f s: killed", self._host + 1, _DRAIN_SECONDS)
            self._process.kill()
            self._process.wait()
        self.drain()

    def _read_lines(self) -> None:
        stream: IO[bytes] | None = self._process.stdout
        assert stream
        with stream:
            while raw := stream.readline(_LONGEST_LINE_BYTES):
                self._listener.line(self._host, raw.decode(errors="replace").rstrip("\r\n"))

    def _read_report(self, report: int) -> None:
        ended = False
        with os.fdopen(report) as lines:
            for line in lines:
                fact = json.loads(line)
                if "pid" in fact:
                    with self._lock:
                        self._pid = fact["pid"]
                    self._known.set()
                    continue
                ended = True
                with self._lock:
                    self._pid = None
                if "exit" in fact:
                    code = fact["exit"]
                    self._listener.exit(self._host, code if code >= 0 else 128 - code)
                else:
                    self._listener.broken(self._host, fact["error"])
        self._known.set()
        if not ended:
            self._listener.broken(self._host, "the process that held the host was ended from outside")
        self._process.wait()

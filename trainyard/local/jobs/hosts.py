"""The hosts of a job: each with its own /opt/ml, name and entrypoint, as namespaces or as plain processes."""

import os
import shutil
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

from trainyard.local.namespaces import network
from trainyard.local.namespaces.forwarder import Forwarder
from trainyard.local.namespaces.process import HostProcess, Listener
from trainyard.local.processes import descendants

BASE = PurePosixPath("/opt/ml")
Isolation = Literal["auto", "namespaces", "processes"]


class Hosts:
    """Hosts as plain processes of this user: own base folders and loopback addresses, one network and file system."""

    interface = "lo"

    def __init__(self, root: Path, count: int, endpoint_url: str | None) -> None:
        """Makes the hosts' folders.

        Args:
            root: folder for them; removed by `close`.
            count: how many.
            endpoint_url: where the cloud listens; None for hosts that reach nothing but each other.
        """
        self.root = root
        self.endpoint_url = endpoint_url
        self.shared_memory: int | None = None
        """Room of /dev/shm in bytes, where a host has one of its own; None for the machine's default."""
        self.names = [f"127.0.0.{1 + index}" for index in range(count)]
        self._processes: list[HostProcess] = []
        for index in range(count):
            self.folder(index).mkdir(parents=True)

    def folder(self, host: int) -> Path:
        """What a host sees as /opt/ml."""
        return self.root / f"algo-{host + 1}"

    def inside(self, host: int, path: str) -> Path:
        """Where a path below /opt/ml of a host really is."""
        return self.folder(host) / PurePosixPath(path).relative_to(BASE)

    def variables(self, host: int, /) -> dict[str, str]:
        """Environment variables by which a host's programs find their place."""
        endpoint = {"AWS_ENDPOINT_URL": self.endpoint_url} if self.endpoint_url else {}
        return {"SAGEMAKER_BASE_DIR": str(self.folder(host)), **endpoint}

    def seen(self, host: int, path: str, /) -> str:
        """How a host's own programs spell a path below /opt/ml."""
        return str(self.inside(host, path))

    def mount(self, host: int, source: Path, path: str, *, readonly: bool) -> None:  # noqa: ARG002
        """Shows a folder of this machine at a path below /opt/ml, before the start.

        Hosts that are plain processes share one file system: they get a link, and no folder can be closed to them.
        """
        target = self.inside(host, path)
        if source != target:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source.absolute(), target_is_directory=True)

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
            self._processes.append(HostProcess(host, orders, listener))

    def terminate(self, host: int) -> None:
        """Sends SIGTERM to a host's PID 1."""
        self._processes[host].signal(signal.SIGTERM)

    def kill(self, host: int) -> None:
        """Sends SIGKILL to a host's PID 1."""
        self._processes[host].signal(signal.SIGKILL)

    def connect(self, host: int, port: int) -> socket.socket:
        """A connection to a port that a program of a host listens on.

        Raises:
            OSError: nothing listens there.
        """
        return socket.create_connection((self.names[host], port))

    def pids(self, host: int) -> list[int]:
        """The host's processes, as this machine numbers them."""
        pid = self._processes[host].pid
        return [pid, *descendants(pid)] if pid is not None else []

    def drain(self) -> None:
        """Waits until the last lines of ended hosts have been heard."""
        for process in self._processes:
            process.drain()

    def close(self) -> None:
        """Ends every process of the hosts and removes their folders."""
        for process in self._processes:
            process.end()
        shutil.rmtree(self.root, ignore_errors=True)

    def _orders(self, host: int) -> dict[str, Any]:
        return {"kind": "process", "folder": str(self.folder(host)), "size": None}


class NamespaceHosts(Hosts):
    """Hosts as network, mount, name and process namespaces (root): algo-1, algo-2, …, on eth0, each with /opt/ml."""

    interface = network.Network.interface

    def __init__(self, root: Path, count: int, endpoint_url: str | None) -> None:
        """Makes the hosts' folders and network.

        Raises:
            OSError: the machine does not allow it.
        """
        super().__init__(root, count, endpoint_url)
        self.names = [f"algo-{1 + index}" for index in range(count)]
        self._mounts: list[list[dict[str, Any]]] = [[] for _ in range(count)]
        self._scaffold = root / "scaffold"
        (self._scaffold / BASE.name).mkdir(parents=True)
        self._network = network.Network(count)
        try:
            self._hosts_file = root / "hosts"
            rows = zip(self._network.addresses, self.names, strict=True)
            self._hosts_file.write_text("127.0.0.1 localhost\n" + "".join(f"{a} {name}\n" for a, name in rows))
            self._forwarder = self._forward(endpoint_url) if endpoint_url else None
        except BaseException:
            self._network.close()
            raise

    def _forward(self, endpoint_url: str) -> Forwarder:
        target = urlsplit(endpoint_url)
        assert target.hostname
        assert target.port
        listeners = [self._network.listen(host, target.port) for host in range(len(self.names))]
        return Forwarder(listeners, target.hostname, target.port)

    def variables(self, _host: int, /) -> dict[str, str]:
        if self.endpoint_url is None:
            return {}
        return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{urlsplit(self.endpoint_url).port}"}

    def seen(self, _host: int, path: str, /) -> str:
        return path

    def mount(self, host: int, source: Path, path: str, *, readonly: bool) -> None:
        self.inside(host, path).mkdir(parents=True, exist_ok=True)
        self._mounts[host].append({"source": str(source.absolute()), "target": path, "readonly": readonly})

    def connect(self, host: int, port: int) -> socket.socket:
        return self._network.connect(host, port)

    def close(self) -> None:
        for process in self._processes:
            process.end()
        if self._forwarder:
            self._forwarder.close()
        self._network.close()
        super().close()

    def _orders(self, host: int) -> dict[str, Any]:
        return {
            "kind": "container",
            "network": self._network.namespaces[host],
            "base": str(BASE),
            "tree": str(self.folder(host)),
            "scaffold": str(self._scaffold),
            "hosts_file": str(self._hosts_file),
            "name": self.names[host],
            "folder": str(BASE),
            "mounts": self._mounts[host],
            "shared_memory": self.shared_memory,
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


def hosts(wanted: Isolation, root: Path, count: int, endpoint_url: str | None) -> Hosts:
    """The hosts of a job; see `Hosts` for the arguments."""
    shutil.rmtree(root, ignore_errors=True)
    kind = NamespaceHosts if isolation(wanted) == "namespaces" else Hosts
    return kind(root, count, endpoint_url)

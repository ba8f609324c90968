"""A node of a cluster: a machine of Linux namespaces that is switched on, runs programs, and loses power."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.power import Power
from trainyard.local.clusters.program import Program
from trainyard.local.namespaces import network

PATH = "/opt/slurm/bin:/opt/slurm/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Line = Callable[[str], None]
"""Who hears the lines that a program writes; called on a thread of its own."""


def available() -> str:
    """Why nodes cannot be had here; empty when they can."""
    if obstacle := network.available():
        return obstacle
    if shutil.which("nsenter") is None:
        return "the command `nsenter` (package util-linux) is missing"
    return ""


class Node:
    """A machine with its own network, processes, name and disk over this machine's system.

    It reads this machine's files and writes on its own disk, the folder; /dev/shm and /run are lost with its power.
    It has no service manager: what it runs is what `run` and `spawn` started, and what that left behind.
    """

    def __init__(
        self,
        *,
        name: str,
        folder: Path,
        address: str,
        bridge: Bridge,
        shared: Mapping[str, Path] | None = None,
        layers: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        endpoint_url: str | None = None,
    ) -> None:
        """Describes the node; `start` switches it on.

        Args:
            name: host name.
            folder: its disk, which outlives a loss of power; on a file system that may be the upper layer of an
                overlay: a real disk or memory, not another overlay.
            address: IPv4 address in the bridge's network.
            bridge: the cluster's network.
            shared: folders of this machine by the place where the node sees them, for example ``/fsx``.
            layers: folders laid over this machine's system, first on top: software that only nodes have.
            environment: what its programs find in their environment.
            endpoint_url: where the cloud listens on this machine; its programs find it as AWS_ENDPOINT_URL. None for a
                node that reaches its cluster alone.
        """
        self.name = name
        self.folder = folder.absolute()
        self.address = address
        self.bridge = bridge
        self.shared = dict(shared or {})
        self.layers = tuple(layers)
        self.endpoint_url = endpoint_url
        endpoint = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{urlsplit(endpoint_url).port}"} if endpoint_url else {}
        self.environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", **endpoint, **(environment or {})}
        self._lock = threading.RLock()
        self._power: Power | None = None

    @property
    def alive(self) -> bool:
        """Whether it has power."""
        power = self._power
        return power is not None and power.process.pid is not None

    def start(self) -> None:
        """Switches it on; its disk is as it was left. Nothing happens where it is on.

        Raises:
            OSError: the machine does not allow it.
            ValueError: the address is another node's, or outside the network.
        """
        with self._lock:
            if self.alive:
                return
            self.kill()
            self.folder.mkdir(parents=True, exist_ok=True)
            self._power = Power(self.bridge, self.name, self.address, self.endpoint_url, self._orders())

    def run(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
        log: Line | None = None,
        folder: str = "/",
    ) -> int:
        """Runs a program to its end, as root.

        Args:
            command: the program with its arguments.
            environment: variables besides the node's own.
            timeout: seconds after which the program and what it started are killed; None for no limit.
            log: who hears its lines, from standard output and error; None for nobody.
            folder: where it starts.

        Returns:
            Its exit code; 128 + n after signal n, and so 137 where the node lost power meanwhile.

        Raises:
            TimeoutError: it took too long.
            OSError: the node has no power.
        """
        return self.spawn(command, environment=environment, log=log, folder=folder).wait(timeout)

    def spawn(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        log: Line | None = None,
        folder: str = "/",
    ) -> Program:
        """Starts a program, as root; see `run`.

        Raises:
            OSError: the node has no power.
        """
        variables = {**self.environment, **(environment or {})}
        return Program(self._pid(), command, variables, folder, log)

    def path(self, inside: str) -> Path:
        """Where a file of the node is on this machine: to be read and written while it is on, to be read when off.

        A symbolic link to an absolute path leads astray: it would lead to this machine's file.
        """
        power = self._power
        pid = power.process.pid if power else None
        root = Path(f"/proc/{pid}/root") if pid is not None else self.folder / "upper"
        return root / inside.lstrip("/")

    def connect(self, port: int) -> socket.socket:
        """A connection to a port of its 127.0.0.1, usable from outside it.

        Raises:
            OSError: it has no power, or nothing listens there.
        """
        namespace = os.open(f"/proc/{self._pid()}/ns/net", os.O_RDONLY)
        try:
            return network.connect(namespace, port)
        finally:
            os.close(namespace)

    def kill(self) -> None:
        """Takes its power: no program gets a signal it could handle, and no other node hears anything of it."""
        with self._lock:
            power, self._power = self._power, None
            if power is not None:
                power.cut()

    def wipe(self) -> None:
        """Takes its power and empties its disk: what starts next under the name is another machine."""
        with self._lock:
            self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Takes its power for good and frees its name; its disk stays where it is."""
        self.kill()
        self.bridge.forget(self.name)

    def _pid(self) -> int:
        power = self._power
        pid = power.process.pid if power else None
        if pid is None:
            raise OSError(f"{self.name}: the node has no power")
        return pid

    def _orders(self) -> dict[str, object]:
        mounts = [{"source": str(s.absolute()), "target": t, "readonly": False} for t, s in self.shared.items()]
        return {"disk": str(self.folder), "layers": [str(one.absolute()) for one in self.layers], "mounts": mounts}

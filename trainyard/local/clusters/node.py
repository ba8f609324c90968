"""A node of a cluster: a machine of Linux namespaces that is switched on, runs programs, and loses power."""

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.program import Program
from trainyard.local.namespaces import network
from trainyard.local.namespaces.forwarder import Forwarder
from trainyard.local.namespaces.process import HostProcess, Listener

PATH = "/opt/slurm/bin:/opt/slurm/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_START_SECONDS = 30.0

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
        self._power: _Power | None = None

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
            self._power = _Power(self)

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


class _Power:
    """One time from switching on to the loss of power."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._forwarder: Forwarder | None = None
        self._errors: list[str] = []
        self._cut = threading.Event()
        self._namespace = node.bridge.plug(node.name, node.address)
        try:
            self._forward(node.endpoint_url)
            started = threading.Event()
            # The process ends with the thread that started it: callers come and go.
            self._thread = threading.Thread(target=self._hold, args=(started,), name=f"node {node.name}", daemon=True)
            self._thread.start()
            started.wait()
            ready = not self._errors and self.process.await_ready(_START_SECONDS)
            if not ready or self._errors:
                raise OSError(f"{node.name}: {self._errors[0] if self._errors else 'it did not start in time'}")
        except BaseException:
            self.cut()
            raise

    def cut(self) -> None:
        # The cable first: the kernel would tell the other side of every connection that its program has ended.
        self._node.bridge.unplug(self._node.name)
        self._cut.set()
        if hasattr(self, "process"):
            self.process.end()
            self._thread.join()
        if self._forwarder:
            self._forwarder.close()
        with contextlib.suppress(OSError):
            os.close(self._namespace)

    def _hold(self, started: threading.Event) -> None:
        try:
            self.process = HostProcess(0, self._orders(), Listener(line=_ignore, exit=_ignore, broken=self._broken))
        except OSError as error:
            self._errors.append(str(error))
        started.set()
        self._cut.wait()

    def _broken(self, _: int, reason: str) -> None:
        self._errors.append(reason)

    def _forward(self, endpoint_url: str | None) -> None:
        if endpoint_url is None:
            return
        target = urlsplit(endpoint_url)
        assert target.hostname
        assert target.port
        self._forwarder = Forwarder([network.listen(self._namespace, target.port)], target.hostname, target.port)

    def _orders(self) -> dict[str, object]:
        node = self._node
        mounts = [{"source": str(s.absolute()), "target": t, "readonly": False} for t, s in node.shared.items()]
        return {
            "kind": "node",
            "parent": os.getpid(),
            "network": self._namespace,
            "disk": str(node.folder),
            "layers": [str(layer.absolute()) for layer in node.layers],
            "mounts": mounts,
            "hosts_file": str(node.bridge.hosts_file.absolute()),
            "name": node.name,
            "folder": "/",
        }


def _ignore(*_: object) -> None:
    """A node's own init says nothing, and its end needs no hearer."""

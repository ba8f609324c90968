"""Networks of containers and nodes: a bridge in a namespace of its own, and one namespace for each of them.

No namespace has a name: each lives as long as a file descriptor of the cloud or a process inside, so nothing of it
outlives the cloud, however that ends, and nothing of the machine's own network changes.
"""

import functools
import itertools
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from trainyard.local.namespaces.calls import CLONE_NEWNET, call

_T = TypeVar("_T")


def available() -> str:
    """Why hosts cannot be namespaces here; empty when they can."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if shutil.which("ip") is None:
        return "the command `ip` (package iproute2) is missing"
    return ""


class Switch:
    """A bridge in a network namespace of its own, to which namespaces of others are plugged one by one."""

    interface = "eth0"
    """How each sees the network."""

    def __init__(self) -> None:
        """Makes the bridge.

        Raises:
            OSError: the kernel or `ip` refuses.
        """
        self._cables = itertools.count()
        self._namespace = _elsewhere(None, self._make)

    def plug(self, address: str, prefix: int, beside: Sequence[str] = ()) -> tuple[int, str]:
        """Makes a network namespace with an `eth0`.

        Args:
            address: its IPv4 address.
            prefix: length of the network's prefix in bits.
            beside: other ranges on the same bridge, as CIDR.

        Returns:
            A descriptor of the namespace, which lives as long as that is open or a process is inside, and the name of
            the cable, for `unplug`.

        Raises:
            OSError: the kernel or `ip` refuses.
        """
        cable = f"cable{next(self._cables)}"
        namespace = _elsewhere(None, _open_own_namespace)
        try:
            other_end = f"peer name {self.interface} netns /proc/{os.getpid()}/fd/{namespace}"
            connect = [f"link add {cable} type veth {other_end}", f"link set {cable} master bridge0 up"]
            _elsewhere(self._namespace, functools.partial(_ip, connect))
            name = self.interface
            # One address, one card: whoever knew the machine that this one replaces would ask for that card in vain.
            card = "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))
            commands = ["link set lo up", f"link set {name} address {card}"]
            commands += [f"addr add {address}/{prefix} dev {name}", f"link set {name} up"]
            commands += _routes(beside)
            _elsewhere(namespace, functools.partial(_ip, commands))
        except BaseException:
            os.close(namespace)
            raise
        return namespace, cable

    def reach(self, namespace: int, beside: Sequence[str]) -> None:
        """Lets a namespace that is plugged reach more ranges on the same bridge.

        Raises:
            OSError: the kernel or `ip` refuses.
        """
        _elsewhere(namespace, functools.partial(_ip, _routes(beside)))

    def unplug(self, cable: str) -> None:
        """Pulls a cable: from now on neither side hears anything of the other, not even that a program ended."""
        _elsewhere(self._namespace, functools.partial(_ip, [f"link del {cable}"]))

    def close(self) -> None:
        """Lets go of the bridge."""
        if self._namespace >= 0:
            os.close(self._namespace)
            self._namespace = -1

    def _make(self) -> int:
        _ip(["link add bridge0 type bridge", "link set bridge0 up"])
        return _open_own_namespace()


def listen(namespace: int, port: int, address: str = "127.0.0.1") -> socket.socket:
    """A socket that listens on an address of a network namespace, its own 127.0.0.1 by default; usable from outside."""

    def open_listener() -> socket.socket:
        return socket.create_server((address, port))

    return _elsewhere(namespace, open_listener)


def connect(namespace: int, port: int, address: str = "127.0.0.1") -> socket.socket:
    """A connection from within a network namespace, to its own 127.0.0.1 by default; usable from outside it.

    Raises:
        OSError: nothing listens there.
    """

    def open_connection() -> socket.socket:
        return socket.create_connection((address, port))

    return _elsewhere(namespace, open_connection)


class Network:
    """A fixed number of hosts on one bridge, each with an `eth0` of its own."""

    interface = Switch.interface

    def __init__(self, count: int) -> None:
        """Makes the network.

        Raises:
            OSError: the kernel or `ip` refuses.
        """
        self.addresses = [f"10.77.{1 + index // 250}.{1 + index % 250}" for index in range(count)]
        self.namespaces: list[int] = []
        """Descriptors of the hosts' network namespaces, in the hosts' order."""
        self._switch = Switch()
        try:
            for address in self.addresses:
                self.namespaces.append(self._switch.plug(address, 16)[0])
        except BaseException:
            self.close()
            raise

    def listen(self, host: int, port: int) -> socket.socket:
        """A socket that listens on a host's own 127.0.0.1."""
        return listen(self.namespaces[host], port)

    def connect(self, host: int, port: int) -> socket.socket:
        """A connection to a port of a host's own 127.0.0.1, usable from outside it.

        Raises:
            OSError: nothing listens there.
        """
        return connect(self.namespaces[host], port)

    def close(self) -> None:
        """Lets go of the namespaces: the kernel removes each when its last process ends."""
        self._switch.close()
        while self.namespaces:
            os.close(self.namespaces.pop())


def _elsewhere(namespace: int | None, action: Callable[[], _T]) -> _T:
    """Runs `action` on a thread in a network namespace (None: a new one). A namespace belongs to a thread."""
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            if namespace is None:
                call("unshare", CLONE_NEWNET)
            else:
                call("setns", namespace, CLONE_NEWNET)
            results.append(action())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="network namespace")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _open_own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _routes(ranges: Sequence[str]) -> list[str]:
    return [f"route replace {one} dev {Switch.interface}" for one in ranges]


def _ip(commands: Sequence[str]) -> None:
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(commands), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip: {done.stderr.strip()}")

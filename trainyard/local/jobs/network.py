"""The network of a job's hosts: a bridge in a namespace of its own, and one namespace for each host.

No namespace has a name: each lives as long as a file descriptor of the cloud or a process inside, so nothing of it
outlives the cloud, however that ends, and nothing of the machine's own network changes.
"""

import ctypes
import functools
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from trainyard.local.jobs.host_init import CLONE_NEWNET

_libc = ctypes.CDLL(None, use_errno=True)
_T = TypeVar("_T")


def available() -> str:
    """Why hosts cannot be namespaces here; empty when they can."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if shutil.which("ip") is None:
        return "the command `ip` (package iproute2) is missing"
    return ""


class Network:
    """Hosts on one bridge, each with an `eth0` of its own."""

    interface = "eth0"

    def __init__(self, count: int) -> None:
        """Makes the network.

        Raises:
            OSError: the kernel or `ip` refuses.
        """
        self.addresses = [f"10.77.{1 + index // 250}.{1 + index % 250}" for index in range(count)]
        self.namespaces: list[int] = []
        """Descriptors of the hosts' network namespaces, in the hosts' order."""
        self._switch = -1
        try:
            self.namespaces.extend(_elsewhere(None, _open_own_namespace) for _ in range(count))
            self._switch = _elsewhere(None, self._plug)
            for namespace, address in zip(self.namespaces, self.addresses, strict=True):
                commands = ["link set lo up", f"addr add {address}/16 dev eth0", "link set eth0 up"]
                _elsewhere(namespace, functools.partial(_ip, commands))
        except BaseException:
            self.close()
            raise

    def listen(self, host: int, port: int) -> socket.socket:
        """A socket that listens on a host's own 127.0.0.1."""

        def open_listener() -> socket.socket:
            return socket.create_server(("127.0.0.1", port))

        return _elsewhere(self.namespaces[host], open_listener)

    def connect(self, host: int, port: int) -> socket.socket:
        """A connection to a port of a host's own 127.0.0.1, usable from outside it.

        Raises:
            OSError: nothing listens there.
        """

        def open_connection() -> socket.socket:
            return socket.create_connection(("127.0.0.1", port))

        return _elsewhere(self.namespaces[host], open_connection)

    def close(self) -> None:
        """Lets go of the namespaces: the kernel removes each when its last process ends."""
        if self._switch >= 0:
            os.close(self._switch)
            self._switch = -1
        while self.namespaces:
            os.close(self.namespaces.pop())

    def _plug(self) -> int:
        commands = ["link add bridge0 type bridge", "link set bridge0 up"]
        for index, namespace in enumerate(self.namespaces):
            other_end = f"peer name eth0 netns /proc/{os.getpid()}/fd/{namespace}"
            commands += [f"link add cable{index} type veth {other_end}", f"link set cable{index} master bridge0 up"]
        _ip(commands)
        return _open_own_namespace()


def _elsewhere(namespace: int | None, action: Callable[[], _T]) -> _T:
    """Runs `action` on a thread in a network namespace (None: a new one). A namespace belongs to a thread."""
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            status = _libc.unshare(CLONE_NEWNET) if namespace is None else _libc.setns(namespace, CLONE_NEWNET)
            if status != 0:
                number = ctypes.get_errno()
                raise OSError(number, f"network namespace: {os.strerror(number)}")
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


def _ip(commands: Sequence[str]) -> None:
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(commands), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip: {done.stderr.strip()}")

"""The power of a node: its namespaces and its way to the cloud, from switching on to the loss of both."""

import contextlib
import os
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

from trainyard.local.clusters.bridge import Bridge
from trainyard.local.namespaces import network
from trainyard.local.namespaces.forwarder import Forwarder
from trainyard.local.namespaces.process import HostProcess, Listener

_START_SECONDS = 30.0


class Power:
    """One time from switching on to the loss of power."""

    def __init__(
        self, bridge: Bridge, name: str, address: str, endpoint_url: str | None, orders: Mapping[str, object]
    ) -> None:
        """Switches on.

        Args:
            bridge: the cluster's network.
            name: host name.
            address: IPv4 address.
            endpoint_url: where the cloud listens on this machine; None for no way there.
            orders: what `namespaces.node` reads, less what is made here.

        Raises:
            OSError: the machine does not allow it.
            ValueError: the address is another node's, or outside the network.
        """
        self._bridge, self._name = bridge, name
        self._orders = {**orders, "kind": "node", "folder": "/", "name": name, "parent": os.getpid()}
        self._orders["hosts_file"] = str(bridge.hosts_file.absolute())
        self._forwarder: Forwarder | None = None
        self._errors: list[str] = []
        self._cut = threading.Event()
        self._namespace = bridge.plug(name, address)
        try:
            self._forward(endpoint_url)
            started = threading.Event()
            # The process ends with the thread that started it: callers come and go.
            self._thread = threading.Thread(target=self._hold, args=(started,), name=f"node {name}", daemon=True)
            self._thread.start()
            started.wait()
            ready = not self._errors and self.process.await_ready(_START_SECONDS)
            if not ready or self._errors:
                raise OSError(f"{name}: {self._errors[0] if self._errors else 'it did not start in time'}")
        except BaseException:
            self.cut()
            raise

    def cut(self) -> None:
        """Takes it away, for good."""
        # The cable first: the kernel would tell the other side of every connection that its program has ended.
        self._bridge.unplug(self._name)
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
            listener = Listener(line=_ignore, exit=_ignore, broken=self._broken)
            self.process = HostProcess(0, {**self._orders, "network": self._namespace}, listener)
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


def _ignore(*_: object) -> None:
    """A node's own init says nothing, and its end needs no hearer."""

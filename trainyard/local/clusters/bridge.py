"""The network of a cluster: nodes come and go, and know each other by name."""

import contextlib
import ipaddress
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from trainyard.local.namespaces.network import Switch


class Bridge:
    """One bridge for all nodes of a cluster, and the file by which they resolve each other's names."""

    interface = Switch.interface

    def __init__(self, hosts_file: Path, *networks: str) -> None:
        """Makes the network.

        Args:
            hosts_file: what every node sees as /etc/hosts; kept up to date in place.
            networks: ranges of the nodes' addresses as CIDR, for example ``10.0.0.0/16``: all of the VPC's.

        Raises:
            OSError: the kernel or `ip` refuses.
        """
        self.hosts_file = hosts_file
        self._networks = [ipaddress.IPv4Network(one) for one in networks]
        self._lock = threading.Lock()
        self._addresses: dict[str, str] = {}
        self._cables: dict[str, tuple[str, int]] = {}
        self._switch = Switch()
        self._write()

    def plug(self, name: str, address: str) -> int:
        """Connects a node that is switched on.

        Args:
            name: name of the node.
            address: its IPv4 address.

        Returns:
            A descriptor of the node's network namespace, for the caller to close.

        Raises:
            ValueError: the address is another node's, or outside the network's ranges.
            OSError: the kernel or `ip` refuses.
        """
        with self._lock:
            home = next((one for one in self._networks if ipaddress.IPv4Address(address) in one), None)
            if home is None:
                known = " and ".join(map(str, self._networks))
                raise ValueError(f"address: got {address}, outside the cluster's {known}. Take one in it.")
            taken = next((other for other, its in self._addresses.items() if its == address and other != name), None)
            if taken:
                raise ValueError(f"address: got {address}, but {taken} has it. Take a free one.")
            beside = [str(one) for one in self._networks if one != home]
            namespace, cable = self._switch.plug(address, home.prefixlen, beside)
            # A descriptor of its own: the namespace is the caller's, who may close his at any time.
            self._cables[name] = cable, os.dup(namespace)
            self._addresses[name] = address
            self._write()
            return namespace

    def widen(self, networks: Sequence[str]) -> None:
        """Takes ranges that the VPC got since; nodes that are on reach them too.

        Raises:
            OSError: the kernel or `ip` refuses.
        """
        with self._lock:
            new = [one for one in map(ipaddress.IPv4Network, networks) if one not in self._networks]
            if new:
                for _, namespace in self._cables.values():
                    self._switch.reach(namespace, [str(one) for one in new])
                self._networks += new

    def unplug(self, name: str) -> None:
        """Pulls a node's cable; its name stays known, as that of a machine that does not answer."""
        with self._lock:
            plugged = self._cables.pop(name, None)
            if plugged is not None:
                cable, namespace = plugged
                # The kernel removes it by itself when the node's namespace has gone.
                with contextlib.suppress(OSError):
                    self._switch.unplug(cable)
                os.close(namespace)

    def forget(self, name: str) -> None:
        """Frees the name and address of a node that will not come back."""
        self.unplug(name)
        with self._lock:
            self._addresses.pop(name, None)
            self._write()

    def close(self) -> None:
        """Lets go of the network."""
        with self._lock:
            while self._cables:
                os.close(self._cables.popitem()[1][1])
        self._switch.close()

    def _write(self) -> None:
        text = "127.0.0.1 localhost\n" + "".join(f"{its} {name}\n" for name, its in self._addresses.items())
        # Nodes hold this very file; a short moment of less is worse than of more.
        self.hosts_file.touch()
        with self.hosts_file.open("r+") as file:
            file.write(text)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())

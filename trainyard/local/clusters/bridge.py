"""The network of a cluster: nodes come and go, and know each other by name."""

import contextlib
import ipaddress
import os
import threading
from pathlib import Path

from trainyard.local.namespaces.network import Switch


class Bridge:
    """One bridge for all nodes of a cluster, and the file by which they resolve each other's names."""

    interface = Switch.interface

    def __init__(self, hosts_file: Path, network: str) -> None:
        """Makes the network.

        Args:
            hosts_file: what every node sees as /etc/hosts; kept up to date in place.
            network: the range of the nodes' addresses as CIDR, for example ``10.0.0.0/16``: the VPC's.

        Raises:
            OSError: the kernel or `ip` refuses.
        """
        self.hosts_file = hosts_file
        self.network = ipaddress.IPv4Network(network)
        self._lock = threading.Lock()
        self._addresses: dict[str, str] = {}
        self._cables: dict[str, str] = {}
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
            ValueError: the address is another node's, or outside the network.
            OSError: the kernel or `ip` refuses.
        """
        with self._lock:
            if ipaddress.IPv4Address(address) not in self.network:
                raise ValueError(f"address: got {address}, outside the cluster's {self.network}. Take one in it.")
            taken = next((other for other, its in self._addresses.items() if its == address and other != name), None)
            if taken:
                raise ValueError(f"address: got {address}, but {taken} has it. Take a free one.")
            namespace, self._cables[name] = self._switch.plug(address, self.network.prefixlen)
            self._addresses[name] = address
            self._write()
            return namespace

    def unplug(self, name: str) -> None:
        """Pulls a node's cable; its name stays known, as that of a machine that does not answer."""
        with self._lock:
            cable = self._cables.pop(name, None)
            if cable is not None:
                # The kernel removes it by itself when the node's namespace has gone.
                with contextlib.suppress(OSError):
                    self._switch.unplug(cable)

    def forget(self, name: str) -> None:
        """Frees the name and address of a node that will not come back."""
        self.unplug(name)
        with self._lock:
            self._addresses.pop(name, None)
            self._write()

    def close(self) -> None:
        """Lets go of the network."""
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

"""What HyperPod's agent does with Slurm on the nodes of a cluster: configuration, daemons, nodes that get no jobs."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ml_contract.clusters.nodes import NODE_TYPES
from trainyard.local.clusters.describe import host_name
from trainyard.local.clusters.hardware import node_of_slurm
from trainyard.local.clusters.machines import MachineError, Slot
from trainyard.local.clusters.node import Node
from trainyard.local.clusters.slurm import SlurmCluster
from trainyard.local.clusters.slurm_accounting import Storage
from trainyard.local.clusters.slurm_configuration import SlurmNode, Timing
from trainyard.local.clusters.slurm_holds import HELD, WAITS

_LEAVING_SECONDS = 30.0
"""How long Slurm has for the end of jobs on nodes that leave: what it kills has KillWait for its end."""
_POLL_SECONDS = 0.2


class Scheduler:
    """The agent of one cluster with Slurm."""

    def __init__(
        self, name: str, layer: Path, node_of: Callable[[Slot], Node], accounting: Callable[[str], Storage] | None
    ) -> None:
        """Starts nothing.

        Args:
            name: the cluster's.
            layer: where Slurm is.
            node_of: gives a place its node, which may be without power.
            accounting: gives slurmdbd its database, as the controller's role (ARN) finds it; None for a cluster
                without.
        """
        self._controller_role = ""
        storage = None if accounting is None else lambda: accounting(self._controller_role)
        self._slurm = SlurmCluster(name, layer=layer, timing=Timing(), accounting=storage)
        self._node_of = node_of
        self._lock = threading.RLock()
        self._serving: set[str] = set()
        self._members: dict[str, SlurmNode] = {}

    def booted(self, slot: Slot) -> None:
        """Says that a node has been switched on: nothing runs there."""
        with self._lock:
            self._serving.discard(host_name(slot.address))

    def configure(self, slots: Sequence[Slot], *, keep: bool) -> None:
        """Configuration and daemons for all that have been made; a worker that joins gets no job until `release`.

        Args:
            slots: all places of the cluster.
            keep: whether changes of others to slurm.conf stay.

        Raises:
            MachineError: a daemon does not start.
        """
        if all(slot.node_type != "Controller" for slot in slots):
            # It has left meanwhile.
            return
        with self._lock, _told():
            nodes = [(node_of_slurm(slot), self._node_of(slot)) for slot in slots]
            members = {described.name: described for described, _ in nodes}
            self._controller_role = next(slot.role for slot in slots if slot.node_type == "Controller")
            controller = next(described.name for described, _ in nodes if described.type == "controller")
            if members != self._members and controller in self._serving:
                self._clear(sorted(set(self._members) - set(members)))
                # Slurm 22.05 learns of new nodes, and of others in their places, only when it starts; its jobs are on
                # its disk.
                self._slurm.stop(controller)
                self._serving.discard(controller)
            self._slurm.configure(nodes, keep=keep)
            self._members = members
            up = {host_name(slot.address) for slot in slots if slot.up}
            for described, node in sorted(nodes, key=lambda pair: NODE_TYPES.index(pair[0].type)):
                if described.name in up and node.alive and described.name not in self._serving:
                    if described.type == "compute":
                        self._slurm.holds.drain(described.name, HELD)
                    self._slurm.start(described.name)
                    self._serving.add(described.name)

    def isolate(self, slot: Slot) -> None:
        """Takes a worker into the reservation of nodes under deep health checks.

        Raises:
            MachineError: Slurm refuses.
        """
        if slot.node_type == "Compute":
            with self._lock, _told():
                self._slurm.holds.reserve(host_name(slot.address))

    def release(self, slot: Slot) -> None:
        """Lets a worker have jobs.

        Raises:
            MachineError: Slurm refuses.
        """
        if slot.node_type == "Compute":
            with self._lock, _told():
                self._slurm.holds.release(host_name(slot.address))

    def cordon(self, slot: Slot) -> None:
        """Keeps new jobs away from a worker that waits for a patch.

        Raises:
            MachineError: Slurm refuses.
        """
        if slot.node_type == "Compute":
            with self._lock, _told():
                self._slurm.holds.drain(host_name(slot.address), WAITS)

    def uncordon(self, slot: Slot) -> None:
        """Lets such a worker have jobs again.

        Raises:
            MachineError: Slurm refuses.
        """
        if slot.node_type == "Compute":
            with self._lock, _told():
                self._slurm.holds.resume(host_name(slot.address), WAITS)

    def busy(self, slot: Slot) -> bool:
        """Whether a job runs on a worker.

        Raises:
            MachineError: Slurm does not say.
        """
        if slot.node_type != "Compute":
            return False
        with self._lock, _told():
            return bool(self._slurm.command(["squeue", "-h", "-t", "R,CG", "-w", host_name(slot.address)]).strip())

    def changed(self) -> list[str]:
        """Lines of slurm.conf that others have written."""
        with self._lock, _told():
            return self._slurm.changed() if self._controlled() else []

    def lost(self, slot: Slot, reason: str) -> None:
        """Marks a worker as down: Slurm queues its jobs again without waiting for its silence."""
        with self._lock:
            name = host_name(slot.address)
            self._serving.discard(name)
            if slot.node_type != "Compute" or not self._controlled():
                return
            self._down(name, reason)

    def _clear(self, leaving: Sequence[str]) -> None:
        """Takes the jobs off nodes that leave: of one that Slurm does not know any more a job would never end."""
        if not leaving:
            return
        # Of nodes that are no workers Slurm knows none: then nobody has a job there.
        with contextlib.suppress(OSError, TimeoutError):
            there = self._jobs("R,S,CG", leaving)
            for name in leaving:
                self._down(name, "HyperPod: the node has left the cluster")
            deadline = time.monotonic() + _LEAVING_SECONDS
            while there and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
                # What ends is on no node by Slurm's words.
                there &= self._jobs("R,S", leaving) | self._jobs("CG")

    def _jobs(self, states: str, nodes: Sequence[str] = ()) -> set[str]:
        where = ["-w", ",".join(nodes)] if nodes else []
        return set(self._slurm.command(["squeue", "-h", "-t", states, *where, "-o", "%A"]).split())

    def _down(self, name: str, reason: str) -> None:
        # A controller that does not answer finds out by itself; what is no worker it does not know.
        with contextlib.suppress(OSError, TimeoutError):
            self._slurm.command(["scontrol", "update", f"NodeName={name}", "State=DOWN", f"Reason={reason}"])

    def _controlled(self) -> bool:
        try:
            return self._slurm.controller.name in self._serving
        except StopIteration:
            return False


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turns what the programs of Slurm say into the errors of machines."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise MachineError(str(error)) from error

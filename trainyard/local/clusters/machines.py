"""What a cluster needs of the machines that its nodes are: namespaces of this one, or a stand-in of a test."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class MachineError(Exception):
    """This computer cannot provide a node, or its daemons do not start; the message says why."""


class Overtime(Exception):
    """A program ran past its time limit and was ended with everything it had started."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A node's place in its cluster: it keeps number and address when its instance is replaced."""

    logical_id: str
    """Names it for good."""
    group: str
    """Name of its instance group."""
    address: str
    """Its IPv4 address in the cluster's network."""
    instance_id: str
    """The instance that stands there now."""
    instance_type: str
    """Its type, for example `ml.c5.xlarge`."""
    role: str
    """ARN of the execution role that the instance has."""
    node_type: str = ""
    """Controller, Login or Compute; empty without Slurm."""
    partitions: tuple[str, ...] = ()
    """The Slurm partitions that it is in."""
    mounts: tuple[str, ...] = ()
    """Where it sees the cluster's shared file system, which stands for FSx."""
    threads_per_core: int | None = None
    """1 or 2 where the group says so; otherwise the scheduler is told of processors alone."""
    up: bool = False
    """Whether it has been made: its daemons shall run."""


class Machine(Protocol):
    """One node's machine, up from the moment that it is made."""

    @property
    def alive(self) -> bool:
        """Whether it still runs."""

    def put(self, files: Mapping[str, bytes]) -> None:
        """Writes files into it, by path inside."""

    def place(self, folder: Path, path: str) -> None:
        """Copies the content of a folder of this computer to a path inside."""

    def run(self, command: Sequence[str], seconds: float, line: Callable[[str], None]) -> int:
        """Runs a program as root and hands on what it writes, line by line; returns the exit code, 128 + n by signal.

        Raises:
            Overtime: it did not end in time.
            MachineError: it could not be started.
        """

    def kill(self) -> None:
        """Power loss: everything in it ends at once, and nothing of it stays but what lies on its disk."""


class Site(Protocol):
    """The place of one cluster's machines: their network, their shared file system, the scheduler between them."""

    def boot(self, slot: Slot, *, fresh: bool) -> Machine:
        """Starts a machine; `fresh` gives it an empty disk, otherwise it finds what it had before a reboot.

        Raises:
            MachineError: it does not start.
        """

    def configure(self, slots: Sequence[Slot], *, keep: bool) -> None:
        """What HyperPod's agent does on the nodes: the scheduler's configuration and daemons, for all that are up.

        A node that joins gets no jobs until `release`.

        Args:
            slots: all places of the cluster.
            keep: whether what others have changed in the scheduler's configuration stays.

        Raises:
            MachineError: a daemon does not start.
        """

    def changed(self) -> list[str]:
        """Lines of the scheduler's configuration that others have written."""

    def isolate(self, slot: Slot) -> None:
        """Keeps new jobs away from a node under deep health checks.

        Raises:
            MachineError: the scheduler refuses.
        """

    def release(self, slot: Slot) -> None:
        """Lets a node have jobs.

        Raises:
            MachineError: the scheduler refuses.
        """

    def cordon(self, slot: Slot) -> None:
        """Keeps new jobs away from a node that waits for a patch; what runs there goes on.

        Raises:
            MachineError: the scheduler refuses.
        """

    def uncordon(self, slot: Slot) -> None:
        """Lets a node have jobs again that was not patched after all.

        Raises:
            MachineError: the scheduler refuses.
        """

    def busy(self, slot: Slot) -> bool:
        """Whether a job runs on a node.

        Raises:
            MachineError: the scheduler does not say.
        """

    def lost(self, slot: Slot, reason: str) -> None:
        """Tells the scheduler that a node is gone, so that its jobs are queued again."""

    def execute(self, slot: Slot, command: Sequence[str], seconds: float) -> tuple[int, str]:
        """Runs a program on a node that is up; returns its exit code and what it wrote.

        Raises:
            MachineError: the node is not up.
            Overtime: the program did not end in time.
        """

    def close(self) -> None:
        """Ends every machine and the network; what lies in the shared file system stays."""


Sites = Callable[[Mapping[str, Any]], Site]
"""Gives a cluster's document its site."""

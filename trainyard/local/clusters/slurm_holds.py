"""Nodes that Slurm sends no job to for a while, by scontrol.

Sources, read 2026-11-22: scontrol(1), Slurm 22.05; "Deep health checks" of Slurm clusters (SageMaker AI Developer
Guide) for the names of the reservation and of the feature. HyperPod also has a partition for them, whose jobs are the
checks: nothing runs in one here, so there is none.
"""

import re
from collections.abc import Callable, Sequence

RESERVATION = "hyperpod-deep-health-check"
FEATURE = "SageMakerDeepHealthCheck:InProgress"
HELD = "HyperPod: the node is being made"
"""Why a node is drained until its lifecycle is over."""
WAITS = "HyperPod: the node waits for a patch"
"""Why a node is drained that is patched when its jobs have ended."""


class SlurmHolds:
    """Holds on the nodes of one cluster."""

    def __init__(self, command: Callable[[Sequence[str]], str]) -> None:
        """Composes it.

        Args:
            command: runs a program of Slurm on the controller; raises OSError with what it said.
        """
        self._command = command
        self._reserved: set[str] = set()

    def drain(self, name: str, reason: str) -> None:
        """Keeps new jobs away from a node that Slurm knows, running or not."""
        self._update(f"NodeName={name}", "State=DRAIN", f"Reason={reason}")

    def resume(self, name: str, reason: str) -> None:
        """Lets a node have jobs that is drained for that reason; what others drained stays."""
        if re.search(rf"\bReason={re.escape(reason)}", self._command(["scontrol", "show", "node", name])):
            self._update(f"NodeName={name}", "State=RESUME")

    def reserve(self, name: str) -> None:
        """Takes a node into the reservation of those under deep health checks; jobs that run there go on."""
        self._reserve(self._reserved | {name})
        self._update(f"NodeName={name}", f"AvailableFeatures={FEATURE}", f"ActiveFeatures={FEATURE}")

    def release(self, name: str) -> None:
        """Takes back both; what others hold a node by stays."""
        if name in self._reserved:
            self._reserve(self._reserved - {name})
            self._update(f"NodeName={name}", "AvailableFeatures=", "ActiveFeatures=")
        self.resume(name, HELD)

    def _reserve(self, names: set[str]) -> None:
        if not names:
            self._command(["scontrol", "delete", f"ReservationName={RESERVATION}"])
        else:
            verb = "update" if self._reserved else "create"
            what = [f"ReservationName={RESERVATION}", f"Nodes={','.join(sorted(names))}"]
            if not self._reserved:
                what += ["StartTime=now", "Duration=UNLIMITED", "Flags=MAINT,IGNORE_JOBS", "Users=root"]
            self._command(["scontrol", verb, *(["reservation"] if verb == "create" else []), *what])
        self._reserved = names

    def _update(self, *what: str) -> None:
        self._command(["scontrol", "update", *what])

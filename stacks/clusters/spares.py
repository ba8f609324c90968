"""Nodes beside those of a run, for the moment when one of its nodes fails."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import Field

from constructs_lib.values import Value
from ml_contract.clusters.spares import NodeFailures, waits
from ml_contract.clusters.spares import spares as fewest
from ml_contract.errors import reject


class Spares(Value, ABC):
    """What a run that loses a node is to find."""

    @abstractmethod
    def check(self, field: str, *, nodes: int, there: int, of: str) -> None:
        """Refuse a run that does not find it.

        Args:
            field: The run's, for the message.
            nodes: What the run takes.
            there: What it chooses from, with its own.
            of: Instance type of both.

        Raises:
            ContractError: With what the run, or the group, would have to be.
        """


class EnoughSpares(Spares):
    """A healthy node almost always: as many spares as ``ml_contract.clusters.spares`` comes to."""

    failures: NodeFailures
    """How often a node fails, and how long it is away."""
    waiting: float = Field(gt=0, lt=1)
    """Share of a run's failures, at most, in which it waits for a replacement: 0.01 is one in a hundred."""

    def check(self, field: str, *, nodes: int, there: int, of: str) -> None:
        wanted = self._fewest(nodes)
        if nodes + wanted > there:
            share = waits(nodes=nodes, spares=there - nodes, failures=self.failures)
            most = next((n for n in range(nodes - 1, 0, -1) if n + self._fewest(n) <= there), 0)
            smaller = f"take {most} nodes, " if most else ""
            reject(field, f"{nodes} × {of}", f"there are {there} of them, and a run that loses a node would wait for "
                   f"its replacement in {share:.0%} of all cases, where {self.waiting:.0%} is what may be",
                   f"Give the group {nodes + wanted}, {smaller}or write spares=NoSpares().")  # fmt: skip

    def _fewest(self, nodes: int) -> int:
        return fewest(nodes=nodes, failures=self.failures, waiting=self.waiting)


class NoSpares(Spares):
    """Nothing: a run may take every node, and waits for the replacement of one that fails, with deep health checks for
    hours."""

    def check(self, field: str, *, nodes: int, there: int, of: str) -> None:
        """Refuse nothing."""

"""Which ranks share a node's memory, and who holds copies for whom: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Nodes:
    """The nodes of a group, numbered in the order of their first ranks."""

    of: tuple[int, ...]
    """Number of each rank's node."""

    @classmethod
    def named(cls, names: Sequence[str]) -> Nodes:
        """From each rank's name of its node."""
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return cls(tuple(numbers[name] for name in names))

    @property
    def count(self) -> int:
        return max(self.of) + 1

    def ranks(self, node: int) -> list[int]:
        """Ranks of a node, ascending."""
        return [rank for rank, number in enumerate(self.of) if number == node]

    def leader(self, node: int) -> int:
        """The rank that acts for its node."""
        return self.of.index(node)

    def leads(self, rank: int) -> bool:
        """Whether a rank acts for its node."""
        return self.leader(self.of[rank]) == rank

    def copies(self, wanted: int) -> int:
        """Copies that there can be: every one is on a node of its own, and none on the shards' own."""
        return min(wanted, self.count - 1)

    def keepers(self, rank: int, copies: int) -> list[int]:
        """Ranks of the next ``copies`` nodes in the ring, which take a rank's files, each for its node."""
        place = self.ranks(self.of[rank]).index(rank)
        following = [self.ranks((self.of[rank] + distance) % self.count) for distance in range(1, copies + 1)]
        return [members[place % len(members)] for members in following]

    def needed(self, sizes: Sequence[int], copies: int) -> list[int]:
        """Bytes that a commit takes of each node, from those that each rank writes."""
        taken = [0] * self.count
        for rank, size in enumerate(sizes):
            for holder in [rank, *self.keepers(rank, copies)]:
                taken[self.of[holder]] += size
        return taken

"""What the living nodes hold together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ml_contract.checkpoint.catalog import Attempt, attempts, remove
from ml_contract.checkpoint.documents import FileRecord
from ml_contract.checkpoint.errors import StorageError
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.file_storage import FileStorage
from training_code.checkpoint.memory.nodes import Nodes


@dataclass(frozen=True)
class Held:
    """One attempt, as the nodes hold it."""

    on: Mapping[int, Attempt]
    """By node."""

    @property
    def committing(self) -> list[int]:
        """Nodes with a COMMIT. One suffices: it came when every node had everything."""
        return [node for node, attempt in self.on.items() if attempt.committed]

    @property
    def quarantined(self) -> bool:
        return any(attempt.quarantined for attempt in self.on.values())

    @property
    def named(self) -> Attempt:
        """The attempt as the first node with a COMMIT sees it."""
        return self.on[self.committing[0]]

    def holders(self, record: FileRecord) -> list[int]:
        """Nodes that hold a file, as far as its size tells."""
        return [
            node for node, attempt in self.on.items()
            if record.name in attempt.entries and attempt.entries[record.name].size == record.size
        ]  # fmt: skip


def listed(storage: FileStorage, ranks: Ranks, nodes: Nodes) -> dict[str, Held]:
    """All attempts by uuid, the same on every rank. Collective."""
    mine: list[Attempt] = []
    if nodes.leads(ranks.rank):
        try:
            mine = attempts(storage)
        except StorageError:
            # A node that cannot be read holds nothing.
            mine = []
    found: dict[str, dict[int, Attempt]] = {}
    for rank, there in enumerate(ranks.all(mine)):
        for attempt in there:
            found.setdefault(attempt.uuid, {})[nodes.of[rank]] = attempt
    return {uuid: Held(on) for uuid, on in found.items()}


def evict(storage: FileStorage, ranks: Ranks, nodes: Nodes, *, keep: int, refused: Collection[str] = ()) -> None:
    """Leave the newest ``keep`` commits on every node, and nothing of any other attempt. Collective.

    Whoever calls it saves nothing: what has no COMMIT is of a save that came to nothing.
    """
    there = listed(storage, ranks, nodes)
    counted = [held for uuid, held in there.items() if held.committing and not held.quarantined and uuid not in refused]
    newest = sorted((held.named for held in counted), key=lambda attempt: attempt.order, reverse=True)[:keep]
    staying = {attempt.uuid for attempt in newest}

    def clear() -> None:
        if nodes.leads(ranks.rank):
            for uuid, held in there.items():
                if uuid not in staying and nodes.of[ranks.rank] in held.on:
                    remove(storage, held.on[nodes.of[ranks.rank]])

    ranks.each(clear)

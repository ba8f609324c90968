"""State that is not sharded, on its way back: which ranks' files a rank needs, and what it takes from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml_contract.checkpoint.documents import Commit
from ml_contract.checkpoint.errors import IncompatibleCheckpointError
from training_code.checkpoint.state import PerRank, Resize, Stateful


class PlainState:
    """The shared and per-rank state of one rank, from the files of those that wrote it."""

    def __init__(self, commit: Commit, state: Mapping[str, Stateful], *, rank: int, world_size: int) -> None:
        """
        Raises:
            IncompatibleCheckpointError: Another world size and no resize function, or an entry is stored in another
                way than it is asked for.
        """
        self._rank, self._world_size = rank, world_size
        self._shared = [name for name in state if commit.state[name] == "shared"]
        self._per_rank: dict[str, Resize | None] = {}
        for name, item in state.items():
            if isinstance(item, PerRank) != (commit.state[name] == "per_rank"):
                raise IncompatibleCheckpointError(
                    f"state[{name!r}] is stored {commit.state[name]}, and asked for as {type(item).__name__}"
                )
            if isinstance(item, PerRank):
                self._per_rank[name] = self._resize(name, item, commit.world_size)
        every = [rank] if commit.world_size == world_size else range(commit.world_size)
        self.needed: Sequence[int] = sorted({*([0] if self._shared else []), *(every if self._per_rank else [])})
        """Ranks whose files are to be read."""

    def choose(self, documents: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
        """This rank's state by name, from the content of the needed files by rank."""
        chosen = {name: documents[0]["shared"][name] for name in self._shared}
        for name, resize in self._per_rank.items():
            if resize is None:
                chosen[name] = documents[self._rank]["per_rank"][name]
            else:
                states = [documents[rank]["per_rank"][name] for rank in sorted(documents)]
                chosen[name] = resize(states, self._rank, self._world_size)
        return chosen

    def _resize(self, name: str, item: PerRank, saved_by: int) -> Resize | None:
        if saved_by == self._world_size:
            return None
        if item.resize is None:
            raise IncompatibleCheckpointError(
                f"state[{name!r}] was saved by {saved_by} ranks, and there are {self._world_size} now: resume with"
                f" {saved_by} ranks, or give PerRank a resize function"
            )
        return item.resize

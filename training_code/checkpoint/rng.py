"""The random number generators of a rank."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from training_code.checkpoint.state import PerRank


class RngState:
    """Python's, NumPy's and torch's generators of this process, and CUDA's of its current device."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values, which load without running code."""
        numpy_state: Any = np.random.get_state()
        return {
            "python": random.getstate(),
            "numpy": [numpy_state[0], [int(word) for word in numpy_state[1]], *map(float, numpy_state[2:])],
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue as the saved generators would. A state saved without CUDA leaves CUDA's generator alone."""
        version, words, gauss = state_dict["python"]
        random.setstate((version, tuple(words), gauss))
        name, keys, position, has_gauss, cached = state_dict["numpy"]
        np.random.set_state((name, np.array(keys, dtype=np.uint32), int(position), int(has_gauss), cached))
        torch.set_rng_state(state_dict["torch"])
        if state_dict["cuda"] is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(state_dict["cuda"])


def resize(states: Sequence[dict[str, Any]], rank: int, _world_size: int, /) -> dict[str, Any]:
    """Ranks that existed go on with their own; new ones get generators seeded from the old ones' state and their rank.

    Deterministic, and no two ranks draw the same numbers; but which rank draws for which sample is another question
    with another world size, so results agree only within rounding and dropout.
    """
    if rank < len(states):
        return states[rank]
    source = b"".join(state["torch"].numpy().tobytes() for state in states)
    seed = int.from_bytes(hashlib.sha256(source + rank.to_bytes(8, "big")).digest()[:4], "big")
    before, state = RngState().state_dict(), RngState()
    try:
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        return state.state_dict()
    finally:
        state.load_state_dict(before)


def rng() -> PerRank:
    """The generators as an entry of a checkpoint's state."""
    return PerRank(RngState(), resize)

"""The state of a run, by name, and how each kind of it is stored.

- **sharded**: a module, :class:`ModelState`, :class:`OptimizerState`, and whatever holds a DTensor or another part of a
  tensor (``torch.distributed._checkpointable``). torch.distributed.checkpoint stores it, each rank its own shards, and
  reshards it for another world size.
- **shared**: all else that is the same on every rank (scheduler, progress, a loader whose position is global). Rank 0's
  is stored, as it is; a save fails when ranks differ.
- **per rank**: wrapped in :class:`PerRank`. Each rank's is stored, and each rank gets its own back. For another world
  size its ``resize`` makes the new ranks' states from all the old ones; without one the restore is refused.

A loader should be *shared*: its state is the global position (epoch, samples taken by all ranks together) in an order
that the seed alone fixes, and every rank derives its part from it. Then no sample is repeated or skipped, whatever the
world size. A loader that only knows its own position is per rank, and resumes with the same world size.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch.distributed._shard.sharded_tensor.api import ShardedTensor
from torch.distributed.checkpoint import state_dict as dcp_state
from torch.distributed.tensor import DTensor
from torch.utils import _pytree

from ml_contract.checkpoint.documents import Kind
from ml_contract.errors import reject

Resize = Callable[[Sequence[dict[str, Any]], int, int], dict[str, Any]]


@runtime_checkable
class Stateful(Protocol):
    """What has a state to save."""

    def state_dict(self) -> dict[str, Any]:
        """The state, as references."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Take a state over."""
        ...


@dataclass(frozen=True)
class PerRank:
    """State that each rank has for itself."""

    stateful: Stateful
    resize: Resize | None = None
    """(states of the old ranks, rank, world size) -> state of this rank. None: another world size is refused."""

    def state_dict(self) -> dict[str, Any]:
        return self.stateful.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.stateful.load_state_dict(state_dict)


@dataclass(frozen=True)
class ModelState:
    """Parameters and buffers, by their fully qualified names, whatever wraps the model."""

    model: torch.nn.Module

    def state_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = dcp_state.get_model_state_dict(self.model)
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        dcp_state.set_model_state_dict(self.model, state_dict)


@dataclass(frozen=True)
class OptimizerState:
    """An optimizer's state by parameter name: torch's own counts parameters, which no other world size could read."""

    model: torch.nn.Module
    optimizer: torch.optim.Optimizer

    def state_dict(self) -> dict[str, Any]:
        return cast(dict[str, Any], dcp_state.get_optimizer_state_dict(self.model, self.optimizer))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        dcp_state.set_optimizer_state_dict(self.model, self.optimizer, state_dict)


@dataclass(frozen=True)
class Materialized:
    """State dicts of a state, by how they are stored."""

    sharded: dict[str, Any]
    shared: dict[str, Any]
    per_rank: dict[str, Any]

    @property
    def kinds(self) -> dict[str, Kind]:
        """How each name is stored."""
        kinds: dict[Kind, dict[str, Any]] = {
            "sharded": self.sharded, "shared": self.shared, "per_rank": self.per_rank
        }  # fmt: skip
        return {name: kind for kind, names in kinds.items() for name in names}

    @property
    def local_bytes(self) -> int:
        """Bytes of tensors that this rank holds."""
        tensors = (leaf for leaf in _pytree.tree_leaves(self.sharded) if isinstance(leaf, torch.Tensor))
        return sum(local.numel() * local.element_size() for tensor in tensors for local in _locals(tensor))


def _locals(tensor: torch.Tensor) -> list[torch.Tensor]:
    if isinstance(tensor, ShardedTensor):
        # What torch's first FSDP gives, which SageMaker's library builds on.
        return [shard.tensor for shard in tensor.local_shards()]
    return [cast(DTensor, tensor).to_local() if _is_part(tensor) else tensor]


def holds_sharded_tensors(state: Mapping[str, Any]) -> bool:
    """Whether parts of tensors are of the older kind."""
    return any(isinstance(leaf, ShardedTensor) for leaf in _pytree.tree_leaves(state))


def _is_part(leaf: object) -> bool:
    """Whether it is a rank's part of a tensor: a DTensor, or what else torch.distributed._checkpointable describes."""
    return hasattr(leaf, "__create_write_items__")


def materialize(state: Mapping[str, Stateful]) -> Materialized:
    """Call every state_dict. Tensors are references, nothing is copied."""
    found = Materialized({}, {}, {})
    for name, item in state.items():
        if isinstance(item, torch.optim.Optimizer):
            way_out = "Wrap it: OptimizerState(model, optimizer)."
            reject(f"state[{name!r}]", type(item).__name__, "an optimizer's own state has no parameter names", way_out)
        if isinstance(item, PerRank):
            found.per_rank[name] = item.state_dict()
        else:
            content = item.state_dict()
            sharded = isinstance(item, torch.nn.Module | ModelState | OptimizerState) or any(
                _is_part(leaf) for leaf in _pytree.tree_leaves(content)
            )
            (found.sharded if sharded else found.shared)[name] = content
    return found


def pack(*, per_rank: Mapping[str, Any], shared: Mapping[str, Any]) -> bytes:
    """Plain state as bytes. Raises ValueError for what could not be read back without running code."""
    packed = _saved({"per_rank": dict(per_rank), "shared": dict(shared)})
    for name, value in {**per_rank, **shared}.items():
        try:
            unpack(_saved(value))
        except Exception as error:
            rule = "it may hold tensors, numbers, strings, and lists, tuples and dicts of them"
            way_out = f"Convert it in state_dict(): {str(error).splitlines()[0]}"
            reject(f"state[{name!r}]", type(value).__name__, rule, way_out)
    return packed


def _saved(content: object) -> bytes:
    data = io.BytesIO()
    torch.save(content, data)
    return data.getvalue()


def unpack(data: bytes) -> dict[str, Any]:
    """Plain state from bytes; runs no code from them."""
    return cast(dict[str, Any], torch.load(io.BytesIO(data), map_location="cpu", weights_only=True))


def fingerprint(content: object) -> str:
    """Equal for equal plain values; pickles would differ with the identity of equal objects."""
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def _canonical(content: object) -> str:
    if isinstance(content, Mapping):
        return f"{{{','.join(sorted(f'{key!r}:{_canonical(value)}' for key, value in content.items()))}}}"
    if isinstance(content, list | tuple):
        return f"[{','.join(map(_canonical, content))}]"
    if isinstance(content, torch.Tensor):
        data = content.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        return f"{content.dtype}{list(content.shape)}{hashlib.sha256(data).hexdigest()}"
    return repr(content)

"""The device mesh of a model that is divided, and which of its ranks average gradients.

What remains of the mesh beside tensor and pipeline averages gradients, always through FSDP2: over ranks that hold
copies (``replicate``) and ranks that hold shards. Ranks with different parts of one sequence hold copies of the same
parameters, so they join the shards, or with ``Ddp`` the copies. A dimension of one rank costs no exchange.
"""

from __future__ import annotations

from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from ml_contract.training.layout import Layout
from ml_contract.training.strategies import Fsdp, ModelParallel

DIMENSIONS = ("pipeline", "replicate", "shard", "context", "tensor")
"""Of the mesh; the last is that of neighbouring ranks."""


def device_mesh(device: str, layout: Layout) -> DeviceMesh:
    """All ranks in the layout's dimensions."""
    return init_device_mesh(device, tuple(getattr(layout, name) for name in DIMENSIONS), mesh_dim_names=DIMENSIONS)


def sharding(strategy: ModelParallel) -> Fsdp:
    """How FSDP2 divides what is left of the parameters over ranks."""
    # Where there is nothing to gather, parameters may stay as they are between forward and backward.
    return strategy.data if isinstance(strategy.data, Fsdp) else Fsdp(sharding="shard_grad_op")


def data_mesh(mesh: DeviceMesh, strategy: ModelParallel) -> DeviceMesh:
    """The ranks that average gradients: two dimensions, copies and shards; one where there are no copies."""
    copies, shards = mesh["replicate"], mesh["shard"]
    if strategy.context > 1:
        if isinstance(strategy.data, Fsdp):
            shards = mesh["shard", "context"]._flatten("shard_context")
        else:
            copies = mesh["replicate", "context"]._flatten("replicate_context")
    return shards if copies.size() == 1 else DeviceMesh._concatenate([copies, shards])

"""What the documentation of ``torch.sagemaker`` says, on top of torch: to be appended to ``torch.__path__``."""

from types import SimpleNamespace

import torch.distributed as dist
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy

PARAMETERS = {
    "hybrid_shard_degree", "sm_activation_offloading", "activation_loading_horizon", "fsdp_cache_flush_warnings",
    "allow_empty_shards", "tensor_parallel_degree", "context_parallel_degree", "expert_parallel_degree", "random_seed",
}  # fmt: skip
calls = []
state = SimpleNamespace()
_original = FullyShardedDataParallel.__init__


def init(config=None):
    assert dist.is_initialized(), "the library joins the process group that the script made"
    assert set(config) <= PARAMETERS, config
    calls.append(("init", dict(config)))
    tensor, degree = config["tensor_parallel_degree"], config["hybrid_shard_degree"]
    state.rank, state.world_size = dist.get_rank(), dist.get_world_size()
    state.hybrid_shard_degree = degree
    state.tensor_parallel_degree = state.tp_size = tensor
    state.tp_rank = state.rank % tensor
    assert config["context_parallel_degree"] <= max(degree, 1)
    FullyShardedDataParallel.__init__ = _grouped(degree) if degree else _original


def _grouped(degree):
    groups = []
    for size, starts in ((degree, range(0, state.world_size, degree)), (1, range(state.world_size))):
        made = [dist.new_group(list(range(start, start + size))) for start in starts]
        groups.append(made[state.rank // size])

    def construct(self, *given, **named):
        if named.get("process_group") is None:
            assert named["sharding_strategy"] is ShardingStrategy.HYBRID_SHARD
            calls.append(("FSDP", degree))
            named["process_group"] = tuple(groups)
        _original(self, *given, **named)

    return construct

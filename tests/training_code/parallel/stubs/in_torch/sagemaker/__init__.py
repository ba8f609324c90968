"""What the documentation of ``torch.sagemaker`` says, on top of torch: to be appended to ``torch.__path__``."""

from types import SimpleNamespace

import torch
import torch.distributed as dist
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy, StateDictType

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
    state.__dict__.clear()
    degree = state.hybrid_shard_degree = config["hybrid_shard_degree"]
    tensor, context, expert = (config[f"{name}_parallel_degree"] for name in ("tensor", "context", "expert"))
    assert context <= max(degree, 1), "context_parallel_degree <= hybrid_shard_degree"
    assert tensor == 1 or expert == 1, "no expert parallelism beside tensor parallelism"
    state.rank, state.world_size = dist.get_rank(), dist.get_world_size()
    state.tensor_parallel_degree = state.tp_size = tensor
    state.cp_size, state.ep_size = context, expert
    state.divided = set()
    if not degree:
        FullyShardedDataParallel.__init__ = _original
        return
    # Ranks are numbered with tensor fastest, then those that share parameters, among them first those that share a
    # sequence, then experts, then copies.
    numbers = torch.arange(state.world_size).reshape(-1, expert, degree // context, context, tensor)
    state.tp_rank, state.tp_process_group = _mine(numbers, 4)
    state.cp_rank, state.cp_process_group = _mine(numbers, 3)
    state.ep_rank, state.ep_process_group = _mine(numbers, 1)
    shards = _mine(numbers.reshape(-1, expert, degree, tensor), 2)[1]
    copies = _mine(numbers.reshape(-1, expert, degree, tensor), 0)[1]
    FullyShardedDataParallel.__init__ = _grouped(degree, shards, copies)


def _mine(numbers, dimension):
    """This rank's place along a dimension, and the group of those that differ in it alone."""
    found = None
    for row in numbers.movedim(dimension, -1).flatten(0, -2).tolist():
        group = dist.new_group(row)
        if state.rank in row:
            found = row.index(state.rank), group
    return found


def _grouped(degree, shards, copies):
    def construct(self, module, *given, **named):
        root = named.get("process_group") is None
        if root:
            assert named["sharding_strategy"] is ShardingStrategy.HYBRID_SHARD
            calls.append(("FSDP", degree))
            named["process_group"] = (shards, copies)
            if named.get("sync_module_states"):
                # torch wants GPUs for it.
                _synchronized(module, named.pop("param_init_fn"), shards, copies)
                named["sync_module_states"] = False
        _original(self, module, *given, **named)
        if root and hasattr(module, "translated"):
            self._register_state_dict_hook(_translate)

    return construct


def _synchronized(model, initialize, *groups):
    for module in model.modules():
        if any(parameter.is_meta for parameter in module.parameters(recurse=False)):
            initialize(module)
    for group in groups:
        for parameter in model.parameters():
            dist.broadcast(parameter.data, dist.get_process_group_ranks(group)[0], group=group)


def _translate(model, found, prefix, _):
    if FullyShardedDataParallel.get_state_dict_type(model).state_dict_type is StateDictType.FULL_STATE_DICT:
        translated = model.module.translated(found)
        found.clear()
        found.update(translated)


def transform(
    model, device=None, dtype=None, config=None, load_state_dict_from_rank0=False, cp_comm_type="p2p"
):  # fmt: skip
    from torch.sagemaker.tensor_parallel.transformer import transformed

    calls.append(("transform", type(model).__name__, None if config is None else dict(vars(config))))
    return transformed(model, config, load_state_dict_from_rank0)

"""Classes of transformers divided by hand: matrices by heads and widths, sequences in two chunks a rank, experts."""

import re

import torch
import torch.distributed as dist
import torch.nn.functional as F
from accelerate import init_empty_weights
from torch import nn
from torch.sagemaker import state
from torch.sagemaker.tensor_parallel.exchanges import Copied, Gathered, Shared, Summed

ROWS, COLUMNS = 0, 1
MATRICES = {"q_proj": ROWS, "k_proj": ROWS, "v_proj": ROWS, "gate_proj": ROWS, "up_proj": ROWS,
            "o_proj": COLUMNS, "down_proj": COLUMNS}  # fmt: skip


class ColumnParallelLinear(nn.Linear):
    def forward(self, given):
        return super().forward(Copied.apply(given))


class RowParallelLinear(nn.Linear):
    def forward(self, given):
        return Summed.apply(super().forward(given))


class TransformerLayer(nn.Module):
    """What FSDP wraps and activation checkpointing computes again."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, *given, **named):
        return self.layer(*given, **named)


class Experts(nn.Module):
    """A rank's experts of a layer, for the tokens of all ranks of its group."""

    def __init__(self, count, hidden, inner):
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.empty(count, 2 * inner, hidden))
        self.down_proj = nn.Parameter(torch.empty(count, hidden, inner))

    def forward(self, hidden, chosen, weights):
        group, rank, count = state.ep_process_group, state.ep_rank, len(self.down_proj)
        tokens, chosen, weights = (Gathered.apply(value, group) for value in (hidden, chosen.float(), weights))
        found = torch.zeros_like(tokens)
        for number in range(count):
            share = (weights * (chosen == rank * count + number)).sum(-1, keepdim=True)
            gate, up = F.linear(tokens, self.gate_up_proj[number]).chunk(2, dim=-1)
            found = found + share * F.linear(F.silu(gate) * up, self.down_proj[number])
        return Shared.apply(found, group)[rank]


class LMModel(nn.Module):
    """The transformed model: its parameters have names of their own."""

    def __init__(self, model):
        super().__init__()
        self.transformer = model

    def forward(self, input_ids=None, attention_mask=None, labels=None):
        assert attention_mask is None, "the mask is causal"
        length = input_ids.shape[1] * state.cp_size
        chunks = torch.arange(length).chunk(2 * state.cp_size)
        here = torch.cat((chunks[state.cp_rank], chunks[2 * state.cp_size - 1 - state.cp_rank]))
        if state.cp_size == 1:
            here = torch.arange(length)
        return self.transformer(input_ids=input_ids, position_ids=here[None], labels=labels)

    def translated(self, found):
        """A full state dict as Hugging Face's files have it."""
        whole = {}
        for name, value in found.items():
            name = name.removeprefix("transformer.").replace(".layer.", ".").replace(".router.", ".")
            matrix = re.search(r"\.(\w+_proj)(\.weight)?$", name)
            if ".experts." in name:
                value = _gathered(value, state.ep_process_group, 0)
                mixture = name.partition(".mlp.")[0] + ".block_sparse_moe.experts"
                for number, expert in enumerate(value):
                    parts = ("w1", "w3") if "gate_up" in name else ("w2",)
                    for part, matrix in zip(parts, expert.chunk(len(parts)), strict=True):
                        whole[f"{mixture}.{number}.{part}.weight"] = matrix
            elif matrix and state.tp_size > 1:
                whole[name] = _gathered(value, state.tp_process_group, MATRICES[matrix[1]])
            else:
                whole[name.replace(".mlp.gate.", ".block_sparse_moe.gate.")] = value
        return whole


def _gathered(value, group, dimension):
    parts = [torch.empty_like(value) for _ in range(dist.get_world_size(group))]
    dist.all_gather(parts, value.contiguous(), group=group)
    return torch.cat(parts, dimension)


def attend(module, query, key, value, attention_mask, scaling=None, **_):
    """transformers' interface of attention, over the sequences of all ranks of a group."""
    size = state.cp_size
    order = torch.tensor([chunk for rank in range(size) for chunk in (rank, 2 * size - 1 - rank)])
    chunk = key.shape[2] // 2
    places = (order[:, None] * chunk + torch.arange(chunk)).flatten()
    keys, values = (
        torch.cat([*Gathered.apply(part, state.cp_process_group)], dim=2).repeat_interleave(
            query.shape[1] // part.shape[1], dim=1
        ) for part in (key, value)
    )  # fmt: skip
    mine = places.chunk(size)[state.cp_rank]
    found = F.scaled_dot_product_attention(
        query, keys, values, attn_mask=mine[:, None] >= places, scale=scaling
    )  # fmt: skip
    return found.transpose(1, 2).contiguous(), None


def transformed(model, config, from_first):
    assert type(model).__name__ in ("LlamaForCausalLM", "MixtralForCausalLM"), "the transform knows no other"
    assert from_first, "only this way is tested"
    first = state.rank == 0
    assert any(parameter.is_meta for parameter in model.parameters()) is not first, "all of the weights are on rank 0"
    assert not any(buffer.is_meta for buffer in model.buffers())
    assert (config is not None) == (state.ep_size > 1)
    weights = [{name: value.detach() for name, value in model.named_parameters()}] if first else [None]
    for group in (state.tp_process_group, state.ep_process_group):
        if 0 in dist.get_process_group_ranks(group):
            dist.broadcast_object_list(weights, 0, group=group)
    with init_empty_weights():
        made = type(model)(model.config)
        if state.cp_size > 1:
            _share_sequences(made)
        if state.ep_size > 1:
            _divide_experts(made)
    for number, layer in enumerate(made.model.layers):
        made.model.layers[number] = TransformerLayer(layer)
    if state.tp_size > 1:
        _divide_matrices(made)
    found = LMModel(made)
    state.divided = {
        name for name, _ in found.named_parameters()
        if ".experts." in name or (state.tp_size > 1 and re.search(r"_proj\.weight$", name))
    }  # fmt: skip
    if weights[0] is not None:
        _load(found, weights[0])
    return found


def _divide_matrices(model):
    for name, module in [*model.named_modules()]:
        parent, _, child = name.rpartition(".")
        if child not in MATRICES:
            continue
        kind = RowParallelLinear if MATRICES[child] == COLUMNS else ColumnParallelLinear
        shape = [module.in_features, module.out_features]
        shape[0 if MATRICES[child] == COLUMNS else 1] //= state.tp_size
        with torch.device("meta"):
            model.get_submodule(parent).register_module(child, kind(*shape, bias=False))


def _divide_experts(model):
    for layer in model.model.layers:
        kept = layer.mlp.experts
        layer.mlp.experts = Experts(
            kept.num_experts // state.ep_size, kept.down_proj.shape[1], kept.down_proj.shape[2]
        )  # fmt: skip


def _share_sequences(model):
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register("shared", attend)
    ALL_MASK_ATTENTION_FUNCTIONS.register("shared", lambda *given, **named: None)
    model.config._attn_implementation = "shared"


def _load(model, weights):
    for name, parameter in [*model.named_parameters()]:
        value = weights[name.removeprefix("transformer.").replace(".layer.", ".")]
        matrix = re.search(r"\.(\w+_proj)\.weight$", name)
        if name in state.divided and ".experts." in name:
            value = value.chunk(state.ep_size)[state.ep_rank]
        elif name in state.divided:
            value = value.chunk(state.tp_size, dim=MATRICES[matrix[1]])[state.tp_rank]
        assert value.shape == parameter.shape
        parent, _, child = name.rpartition(".")
        # What registers parameters may put them on the meta device here.
        model.get_submodule(parent)._parameters[child] = nn.Parameter(value.clone())

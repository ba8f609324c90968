"""Hugging Face's names of a Llama's parameters, and of a Mixtral's, whose experts have matrices of their own there."""

from __future__ import annotations

import re

from ml_contract.workloads.llama import Llama

_BLOCK = {
    "attention_norm.weight": "input_layernorm.weight",
    "attention.query.weight": "self_attn.q_proj.weight",
    "attention.key.weight": "self_attn.k_proj.weight",
    "attention.value.weight": "self_attn.v_proj.weight",
    "attention.output.weight": "self_attn.o_proj.weight",
    "feed_forward_norm.weight": "post_attention_layernorm.weight",
    "feed_forward.gate.weight": "mlp.gate_proj.weight",
    "feed_forward.value.weight": "mlp.up_proj.weight",
    "feed_forward.output.weight": "mlp.down_proj.weight",
    "feed_forward.router.weight": "block_sparse_moe.gate.weight",
}
_EXPERT = {
    "feed_forward.experts.gate": "w1",
    "feed_forward.experts.value": "w3",
    "feed_forward.experts.output": "w2",
}
_OUTSIDE = {
    "embedding.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "scores.weight": "lm_head.weight",
}


def theirs(name: str, options: Llama) -> tuple[str, ...]:
    """Hugging Face's names of a parameter: one, or one an expert, whose values stand one below the other in it."""
    if name in _OUTSIDE:
        return (_OUTSIDE[name],)
    found = re.fullmatch(r"blocks\.(\d+)\.(.+)", name)
    assert found, name
    layer = f"model.layers.{found[1]}"
    if found[2] in _EXPERT:
        experts = range(options.experts)
        return tuple(f"{layer}.block_sparse_moe.experts.{expert}.{_EXPERT[found[2]]}.weight" for expert in experts)
    return (f"{layer}.{_BLOCK[found[2]]}",)

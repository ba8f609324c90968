"""config.json of a Llama or a Mixtral, written, and held against a shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_contract.errors import reject
from ml_contract.workloads.llama import Llama, RopeScaling

CONFIG = "config.json"
_MEANT: dict[str, dict[str, Any]] = {
    "llama": {
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": False, "hidden_act": "silu",
        "attention_bias": False, "mlp_bias": False,
    },
    "mixtral": {
        "rms_norm_eps": 1e-5, "rope_theta": 1e6, "tie_word_embeddings": False, "hidden_act": "silu",
        "num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": None,
    },
}  # fmt: skip
"""What a config.json leaves out, by model_type: the defaults of LlamaConfig and MixtralConfig (transformers 5.23)."""


def configuration(options: Llama, *, end_token: int | None = None) -> dict[str, Any]:
    """config.json of a model, as transformers 4 writes it and 5 reads it too.

    Args:
        options: The shape.
        end_token: Number of the token that ends a text; None where there is none.
    """
    scaling = options.rope_scaling
    reach = options.sequence_length
    if scaling is not None:
        reach = max(reach, int(scaling.original_length * scaling.factor))
    return {
        "architectures": ["MixtralForCausalLM" if options.experts else "LlamaForCausalLM"],
        "model_type": "mixtral" if options.experts else "llama",
        "vocab_size": options.vocabulary,
        "hidden_size": options.hidden,
        "intermediate_size": options.intermediate,
        "num_hidden_layers": options.layers,
        "num_attention_heads": options.heads,
        "num_key_value_heads": options.kv_heads,
        "head_dim": options.head_dimension,
        "max_position_embeddings": reach,
        "rope_theta": options.rope_theta,
        "rope_scaling": None if scaling is None else _scaling(scaling),
        "rms_norm_eps": options.norm_epsilon,
        "tie_word_embeddings": options.tied,
        "hidden_act": "silu",
        **(_mixture(options) if options.experts else {"attention_bias": False, "mlp_bias": False}),
        "bos_token_id": None,
        "eos_token_id": end_token,
        "torch_dtype": options.export_dtype,
    }


def _mixture(options: Llama) -> dict[str, Any]:
    return {
        "num_local_experts": options.experts,
        "num_experts_per_tok": options.experts_per_token,
        "router_aux_loss_coef": options.router_loss,
        "output_router_logits": False,
        "sliding_window": None,
    }


def _scaling(scaling: RopeScaling) -> dict[str, Any]:
    return {
        "rope_type": "llama3",
        "factor": scaling.factor,
        "low_freq_factor": scaling.low_frequency_factor,
        "high_freq_factor": scaling.high_frequency_factor,
        "original_max_position_embeddings": scaling.original_length,
    }


def compare(found: Mapping[str, Any], options: Llama) -> None:
    """Hold the content of a config.json against a shape.

    Raises:
        ContractError: It is another model's.
    """
    wanted = configuration(options)
    _same("model_type", found.get("model_type"), wanted)
    rope = found.get("rope_parameters") or {}
    defaults = _MEANT[wanted["model_type"]]
    meant = {
        "num_key_value_heads": found.get("num_attention_heads"), **defaults, **found,
        "rope_theta": rope.get("rope_theta", found.get("rope_theta", defaults["rope_theta"])),
        "rope_scaling": _meant_scaling(rope or found.get("rope_scaling") or {}),
    }  # fmt: skip
    for name in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                 "num_key_value_heads", "rope_scaling", *defaults):  # fmt: skip
        _same(name, meant.get(name), wanted)
    if found.get("head_dim") not in (None, options.head_dimension):
        reject(f"{CONFIG}.head_dim", found["head_dim"], f"this workload's heads are hidden / heads wide"
               f" ({options.head_dimension})", "Take another model.")  # fmt: skip


def _same(name: str, found: object, wanted: Mapping[str, Any]) -> None:
    if found != wanted[name]:
        reject(f"{CONFIG}.{name}", found, f"the workload's shape means {wanted[name]!r}",
               "Give the workload the shape of the pretrained model.")  # fmt: skip


def _meant_scaling(rope: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = rope.get("rope_type", rope.get("type", "default"))
    found = {name: value for name, value in rope.items() if name not in ("rope_theta", "type")}
    return None if kind == "default" else {**found, "rope_type": kind}

"""Hugging Face's names and files of a Llama: config.json and safetensors, in one file or several with an index."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ml_contract.errors import reject
from ml_contract.workloads.llama import Llama, RopeScaling

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
SHARD_BYTES = 5 * 10**9
"""Largest file of an export, but for a tensor that is larger: below what one request may upload to S3."""

_BLOCK = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "feed_forward_norm": "post_attention_layernorm",
    "feed_forward.gate": "mlp.gate_proj",
    "feed_forward.value": "mlp.up_proj",
    "feed_forward.output": "mlp.down_proj",
}
_OUTSIDE = {
    "embedding.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "scores.weight": "lm_head.weight",
}


def theirs(name: str) -> str:
    """Hugging Face's name of a parameter; values are the same, in the same order."""
    if name in _OUTSIDE:
        return _OUTSIDE[name]
    found = re.fullmatch(r"blocks\.(\d+)\.(.+)\.weight", name)
    assert found, name
    return f"model.layers.{found[1]}.{_BLOCK[found[2]]}.weight"


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
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
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
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": None,
        "eos_token_id": end_token,
        "torch_dtype": options.export_dtype,
    }


def _scaling(scaling: RopeScaling) -> dict[str, Any]:
    return {
        "rope_type": "llama3",
        "factor": scaling.factor,
        "low_freq_factor": scaling.low_frequency_factor,
        "high_freq_factor": scaling.high_frequency_factor,
        "original_max_position_embeddings": scaling.original_length,
    }


class Pretrained:
    """A folder with config.json and safetensors, held against a shape when opened."""

    def __init__(self, folder: Path, options: Llama) -> None:
        """
        Raises:
            ContractError: A file is missing or cannot be read, or the model has another shape.
        """
        self._folder = folder
        _compare(_json(folder / CONFIG), options)
        self._files = self._index()

    def _index(self) -> dict[str, str]:
        if (self._folder / INDEX).is_file():
            return {name: Path(file).name for name, file in _json(self._folder / INDEX)["weight_map"].items()}
        if not (self._folder / WEIGHTS).is_file():
            reject(str(self._folder), None, f"it must hold {WEIGHTS} or {INDEX}",
                   "Download the model's *.safetensors into the channel.")  # fmt: skip
        with _opened(self._folder / WEIGHTS) as file:
            return dict.fromkeys(file.keys(), WEIGHTS)

    def read(self, name: str, shape: torch.Size) -> Tensor:
        """One whole parameter by this project's name, float32 on the CPU.

        Raises:
            ContractError: It is missing, has another shape, or its file is missing or damaged.
        """
        wanted = theirs(name)
        if wanted not in self._files:
            reject(wanted, None, f"{self._folder} must hold every parameter of the model",
                   "Copy all files of the model, or give the workload that model's shape.")  # fmt: skip
        with _opened(self._folder / self._files[wanted]) as file:
            if wanted not in file.keys():  # noqa: SIM118  (no mapping)
                reject(wanted, None, f"the index says that {self._files[wanted]} holds it", "Copy the model again.")
            value: Tensor = file.get_tensor(wanted)
        if value.shape != shape:
            reject(wanted, tuple(value.shape), f"this workload's shape makes it {tuple(shape)}",
                   "Give the workload the shape of the model's config.json.")  # fmt: skip
        return value.to(torch.float32)


def write(
    folder: Path,
    options: Llama,
    weights: Mapping[str, Tensor],
    *,
    end_token: int | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write config.json and safetensors that transformers and model servers load.

    Args:
        folder: Exists.
        options: The shape, and the number format of the files.
        weights: All parameters, whole and on the CPU, by this project's names.
        end_token: Number of the token that ends a text; None where there is none.
        shard_bytes: Largest file; more than one get an index.
    """
    from safetensors.torch import save_file

    (folder / CONFIG).write_text(json.dumps(configuration(options, end_token=end_token), indent=1) + "\n")
    dtype = torch.bfloat16 if options.export_dtype == "bfloat16" else torch.float32
    groups: list[list[str]] = [[]]
    filled = total = 0
    for name in weights:
        size = weights[name].numel() * dtype.itemsize
        if groups[-1] and filled + size > shard_bytes:
            groups.append([])
            filled = 0
        groups[-1].append(name)
        filled, total = filled + size, total + size
    placed: dict[str, str] = {}
    for number, names in enumerate(groups, 1):
        file = WEIGHTS if len(groups) == 1 else f"model-{number:05d}-of-{len(groups):05d}.safetensors"
        # One file's worth of converted copies at a time.
        content = {theirs(name): weights[name].to(dtype).contiguous() for name in names}
        save_file(content, folder / file, metadata={"format": "pt"})
        placed |= dict.fromkeys(content, file)
    if len(groups) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": placed}
        (folder / INDEX).write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")


def _compare(found: Mapping[str, Any], options: Llama) -> None:
    rope = found.get("rope_parameters") or {}
    heads = found.get("num_attention_heads")
    # What a config.json leaves out means what LlamaConfig's defaults say (transformers 5.23).
    meant = {
        "num_key_value_heads": heads, "rms_norm_eps": 1e-6, "tie_word_embeddings": False, "hidden_act": "silu",
        "attention_bias": False, "mlp_bias": False, **found,
        "rope_theta": rope.get("rope_theta", found.get("rope_theta", 10000.0)),
        "rope_scaling": _meant_scaling(rope or found.get("rope_scaling") or {}),
    }  # fmt: skip
    wanted = configuration(options)
    for name in ("model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                 "num_attention_heads", "num_key_value_heads", "rms_norm_eps", "tie_word_embeddings", "hidden_act",
                 "attention_bias", "mlp_bias", "rope_theta", "rope_scaling"):  # fmt: skip
        if meant.get(name) != wanted[name]:
            reject(f"{CONFIG}.{name}", meant.get(name), f"the workload's shape means {wanted[name]!r}",
                   "Give the workload the shape of the pretrained model.")  # fmt: skip
    if found.get("head_dim") not in (None, options.head_dimension):
        reject(f"{CONFIG}.head_dim", found["head_dim"], f"this workload's heads are hidden / heads wide"
               f" ({options.head_dimension})", "Take another model.")  # fmt: skip


def _meant_scaling(rope: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = rope.get("rope_type", rope.get("type", "default"))
    found = {name: value for name, value in rope.items() if name not in ("rope_theta", "type")}
    return None if kind == "default" else {**found, "rope_type": kind}


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        if not isinstance(found, dict):
            raise TypeError(f"{type(found).__name__}, not an object")
    except (OSError, ValueError, TypeError) as error:
        reject(str(path), f"{type(error).__name__}: {error}", "a pretrained model comes with it, as JSON",
               "Copy all files of the model into the channel.")  # fmt: skip
    return found


def _opened(path: Path) -> Any:
    # Here, so that the model can be built and trained where the package is missing.
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        reject(str(path), f"{type(error).__name__}: {error}", "it must be a whole safetensors file",
               "Copy the model again.")  # fmt: skip

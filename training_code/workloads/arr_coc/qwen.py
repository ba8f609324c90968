"""Qwen3-VL through transformers, of a shape that the options give: no hub, no configuration file."""

from __future__ import annotations

import torch
from torch import nn
from transformers import Qwen3VLConfig, Qwen3VLModel
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextRotaryEmbedding, Qwen3VLVisionRotaryEmbedding

from ml_contract.workloads.arr_coc import ArrCoc
from ml_contract.workloads.qwen3_vl import FRAMES, MERGE, PATCH


def build(options: ArrCoc) -> Qwen3VLModel:
    """The base without its scores, on the current device."""
    language, vision = options.language, options.vision
    rope = {
        "rope_type": "default", "rope_theta": language.rope_theta, "mrope_section": list(language.rope_sections),
        "mrope_interleaved": True,
    }  # fmt: skip
    configuration = Qwen3VLConfig(
        text_config={
            "vocab_size": language.vocabulary, "hidden_size": language.hidden,
            "intermediate_size": language.intermediate, "num_hidden_layers": language.layers,
            "num_attention_heads": language.heads, "num_key_value_heads": language.kv_heads,
            "head_dim": language.head_dimension, "rope_parameters": rope,
            "max_position_embeddings": max(4096, options.tokens), "use_cache": False,
        },
        vision_config={
            "hidden_size": vision.hidden, "intermediate_size": vision.intermediate, "depth": vision.layers,
            "num_heads": vision.heads, "num_position_embeddings": vision.positions, "patch_size": PATCH,
            "spatial_merge_size": MERGE, "temporal_patch_size": FRAMES, "out_hidden_size": language.hidden,
            "deepstack_visual_indexes": list(vision.taps),
        },
        image_token_id=options.text_end, vision_start_token_id=options.image_start,
        vision_end_token_id=options.image_end, tie_word_embeddings=language.tied,
    )  # fmt: skip
    # torch's own attention, whatever a configuration would choose.
    configuration._attn_implementation = "sdpa"
    return Qwen3VLModel(configuration)


@torch.no_grad()
def reset(model: nn.Module) -> None:
    """Write the buffers that transformers computes when it builds a model and no state dict holds: wavelengths of
    rotary positions. On the meta device that computation is lost."""
    for module in model.modules():
        if isinstance(module, Qwen3VLVisionRotaryEmbedding):
            frequencies, _ = module.compute_axial_rope_parameters(module.config)
        elif isinstance(module, Qwen3VLTextRotaryEmbedding):
            frequencies, _ = module.compute_default_rope_parameters(module.config)
        else:
            continue
        module.inv_freq.copy_(frequencies)
        module.original_inv_freq.copy_(frequencies)

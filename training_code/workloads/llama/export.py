"""The artifact: what transformers and model servers load, and the manifest."""

from __future__ import annotations

import json
from pathlib import Path

from ml_contract.manifest import ArtifactManifest
from ml_contract.signature import DType, ModelSignature, Tensor
from ml_contract.workloads.llama import NAME, Llama
from training_code.data.tokens import TokenShards
from training_code.log import say
from training_code.workloads.base import Trained
from training_code.workloads.llama import huggingface
from training_code.workloads.llama.byte_tokenizer import byte_tokenizer
from training_code.workloads.llama.data import TOKENIZER, end_token_of, tokenizer_of

INPUT, OUTPUT = "tokens", "logits"
BYTES = 256
"""Vocabulary of a model whose tokens are bytes."""
MAX_BATCH_SIZE = 16
"""Largest batch that serving may form; the model itself takes any."""


def signature(options: Llama) -> ModelSignature:
    """What the model takes and gives, for any batch and sequence length."""
    return ModelSignature(
        inputs=(Tensor(name=INPUT, dtype=DType.INT64, shape=(-1,)),),
        outputs=(Tensor(name=OUTPUT, dtype=DType.FP32, shape=(-1, options.vocabulary)),),
        max_batch_size=MAX_BATCH_SIZE,
    )


def write(folder: Path, options: Llama, trained: Trained, *, data: TokenShards | None) -> ArtifactManifest:
    """Write config.json, safetensors, where it is wanted model.onnx with samples.npz, and manifest.json into
    ``folder``, which becomes the artifact.

    Args:
        folder: Made where it is missing.
        options: The shape.
        trained: Weights, and where they came from.
        data: What the run was trained on, whose tokenizer goes into the artifact; None where that is not at hand.
            Where tokens are bytes there is a tokenizer that says so.

    Raises:
        GraphDiffers: The graph does not compute what the model computes; no manifest is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    end_token = None if data is None else end_token_of(data)
    huggingface.write(folder, options, trained.weights, end_token=end_token)
    tokenizer = None if data is None else tokenizer_of(data)
    if tokenizer is None and options.vocabulary == BYTES:
        tokenizer = byte_tokenizer()
    if tokenizer is not None:
        (folder / TOKENIZER).write_bytes(tokenizer)
        # The class that takes tokenizer.json as it is, whatever model it came with.
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": options.sequence_length}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    metrics = dict(trained.figures)
    if options.graph:
        # Imported here: images for weights alone need not hold what graphs need.
        from training_code.workloads.llama.graph import write_graph

        metrics["graph_difference"] = write_graph(folder, options, trained, signature(options))
    manifest = ArtifactManifest.describe(
        folder, workload=NAME, signature=signature(options), metrics=metrics, provenance=trained.provenance
    )
    manifest.write(folder)
    say(f"export: {', '.join(manifest.files)}")
    return manifest

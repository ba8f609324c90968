"""Processing job: loss, perplexity and bits per byte of the artifact on held-out files, beside baselines."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml_contract.errors import reject
from ml_contract.hyperparameters import decode_values
from ml_contract.manifest import ArtifactManifest
from ml_contract.paths import ContainerPaths
from ml_contract.training.run import TrainingRun
from ml_contract.workloads.llama import NAME, EvaluateOptions, Llama
from training_code import processing
from training_code.data.tokens import Tokens
from training_code.log import say
from training_code.workloads import evaluation
from training_code.workloads.bytes_lm import baselines
from training_code.workloads.llama.data import open_tokens, tokenizer_of
from training_code.workloads.llama.huggingface import Pretrained
from training_code.workloads.llama.loss import cross_entropy
from training_code.workloads.llama.model import LlamaModel


def evaluate(options: EvaluateOptions, artifact: Path, heldout: Path) -> dict[str, Any]:
    """Score the artifact's weights on the first held-out tokens; on a GPU where there is one.

    Args:
        options: How much to score.
        artifact: Folder with manifest.json, verified here.
        heldout: Folder of the split's shards, verified here.

    Raises:
        ContractError: Artifact or shards are damaged, or the artifact is another workload's.
    """
    manifest = ArtifactManifest.read(artifact)
    manifest.verify(artifact)
    if manifest.workload != NAME:
        reject("workload", manifest.workload, f"this evaluates {NAME}", "Name its artifact.")
    shape = decode_values(TrainingRun, manifest.provenance["hyperparameters"]).workload
    assert isinstance(shape, Llama)
    shards = open_tokens(heldout, shape, verify=True)
    tokens = shards.read(0, min(len(shards), options.maximum_tokens))
    text = _text(tokens, tokenizer_of(shards))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load(artifact, shape).to(device)
    started = time.monotonic()
    nats = total_nats(model, tokens, length=shape.sequence_length, batch=options.batch_size)
    seconds = time.monotonic() - started
    loss = nats / (len(tokens) - 1)
    # The first token is predicted from nothing: it costs as much as one of so many that are equally likely.
    bits = (math.log2(shape.vocabulary) + nats / math.log(2)) / len(text)
    order0 = baselines.order0_bits_per_byte(text)
    return {
        "loss": loss,
        "perplexity": math.exp(min(loss, 700)),
        "bits_per_byte": bits,
        "order0_bits_per_byte": order0,
        "xz_bits_per_byte": baselines.xz_bits_per_byte(text),
        "heldout_tokens": len(tokens),
        "heldout_bytes": len(text),
        "heldout_digest": shards.digest,
        "sequence_length": shape.sequence_length,
        "steps": manifest.provenance["steps"],
        "tokens_per_second": len(tokens) / seconds,
        "beats_order0": bits < order0,
    }


def load(artifact: Path, shape: Llama) -> LlamaModel:
    """The exported model, float32 on the CPU, ready to score."""
    with torch.device("meta"):
        model = LlamaModel(shape)
    model.to_empty(device="cpu")
    weights = Pretrained(artifact, shape)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights.read(name, parameter.shape))
    return model.eval()


@torch.no_grad()
def total_nats(model: LlamaModel, tokens: Tokens, *, length: int, batch: int) -> float:
    """What all tokens but the first cost, each counted once.

    Each window of ``length`` tokens predicts the one after each of its positions, so a token is predicted from 1 to
    ``length`` tokens before it.
    """
    device = next(model.parameters()).device
    whole = (len(tokens) - 1) // length
    starts = np.arange(whole) * length
    groups = [
        tokens[starts[first : first + batch, None] + np.arange(length + 1)] for first in range(0, whole, batch)
    ]  # fmt: skip
    if (len(tokens) - 1) % length:
        groups.append(tokens[None, whole * length :])
    nats = 0.0
    for windows in groups:
        given = torch.from_numpy(windows.astype(np.int64)).to(device)
        count = given[:, 1:].numel()
        nats += float(cross_entropy(model(given[:, :-1]), given[:, 1:])) * count
    return nats


def _text(tokens: Tokens, tokenizer: bytes | None) -> bytes:
    """The UTF-8 text that the tokens stand for."""
    if tokenizer is None:
        return tokens.astype(np.uint8).tobytes()
    from tokenizers import Tokenizer

    text: str = Tokenizer.from_str(tokenizer.decode()).decode(tokens.tolist(), skip_special_tokens=True)
    return text.encode()


def _work(options: EvaluateOptions, paths: ContainerPaths) -> None:
    found = evaluation.run(paths, lambda artifact, heldout: evaluate(options, artifact, heldout))
    say(f"evaluate: loss {found['loss']:.3f} nats a token, {found['bits_per_byte']:.3f} bits per byte on"
        f" {found['heldout_bytes']} held-out bytes; order 0: {found['order0_bits_per_byte']:.3f},"
        f" xz: {found['xz_bits_per_byte']:.3f}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(processing.run(EvaluateOptions, _work))

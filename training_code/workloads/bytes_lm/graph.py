"""The exported graph as its users see it: names, types, and a session. No torch, which takes seconds to import."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime

from ml_contract.signature import DType, ModelSignature, Tensor
from ml_contract.workloads.bytes_lm import VOCABULARY

GRAPH = "model.onnx"
INPUT, OUTPUT = "tokens", "logits"
MAX_BATCH_SIZE = 16
"""Largest batch that serving may form; the graph itself takes any."""


def signature() -> ModelSignature:
    """What the graph takes and gives, for any batch and sequence length."""
    return ModelSignature(
        inputs=(Tensor(name=INPUT, dtype=DType.INT64, shape=(-1,)),),
        outputs=(Tensor(name=OUTPUT, dtype=DType.FP32, shape=(-1, VOCABULARY)),),
        max_batch_size=MAX_BATCH_SIZE,
    )


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    """A session on the CPU with OMP_NUM_THREADS threads; on all processors where that is not set."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    # Threads that wait by spinning take the processor from whatever shares it.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])

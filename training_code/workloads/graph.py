"""Exported graphs as their users see them: a file and a session. No torch, which takes seconds to import."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime

GRAPH = "model.onnx"


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    """A session on the CPU with OMP_NUM_THREADS threads; on all processors where that is not set."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    # Threads that wait by spinning take the processor from whatever shares it.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])

"""What may be done to a graph for speed: TensorRT within ONNX Runtime, and 8-bit weights.

Parameters of the accelerator: README of triton-inference-server/onnxruntime_backend, "ONNX Runtime with TensorRT
optimization", read 2026-11.
"""

from __future__ import annotations

from typing import Literal

from ml_contract.checks import between
from ml_contract.errors import reject
from ml_contract.values import value_object


@value_object
class TensorRtAccelerator:
    """ONNX Runtime gives what it can of the graph to TensorRT, which builds its engines when the model is loaded.

    Never executed by this project's tests, which have no GPU: its configuration is parsed, not loaded.
    """

    precision_mode: Literal["FP32", "FP16"] = "FP32"
    """Numbers that TensorRT computes with. INT8 wants a table of calibration, which this project does not make."""
    max_workspace_size_bytes: int = 2**30
    """GPU memory that an engine may use for a while."""
    engine_cache_path: str | None = None
    """Folder of the container in which engines stay for the server's next start; None builds them at each."""

    def __post_init__(self) -> None:
        between("max_workspace_size_bytes", self.max_workspace_size_bytes, 2**20, 2**40)
        if self.engine_cache_path is not None and not self.engine_cache_path.startswith("/"):
            reject("engine_cache_path", self.engine_cache_path, "it is a path from the root",
                   "Write it like /tmp/engines.")  # fmt: skip


@value_object
class Int8:
    """Weights of matrix products as 8-bit integers, activations quantised as they come (ONNX Runtime, dynamic).

    It is measured before it is packed, and refused where it costs more than the bounds allow. For the CPU: ONNX
    Runtime's CUDA provider has no such products.
    """

    minimum_cosine: float = 0.99
    """Smallest cosine between an output of the quantised graph and the graph's own, over all samples."""
    maximum_error: float | None = None
    """Largest difference of a number of an output, in its own unit; None bounds the cosine alone."""
    minimum_speedup: float = 0.0
    """Smallest ratio of the graph's time to the quantised one's, on the packaging host; 0 takes any."""
    per_channel: bool = False
    """Whether each column of a matrix has a scale of its own: more exact, and slower."""

    def __post_init__(self) -> None:
        between("minimum_cosine", self.minimum_cosine, 0, 1)
        between("minimum_speedup", self.minimum_speedup, 0, 1000)
        if self.maximum_error is not None:
            between("maximum_error", self.maximum_error, 0, 1e30, open_low=True)

"""TensorRT-LLM in AWS's LMI image.

Sources, read 2026-11-21: "TensorRT-LLM Engine User Guide" and trt_properties.py, djl-serving at d21927c; "Support
Matrix" of TensorRT-LLM 0.21, for Ampere as the oldest architecture.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.serving.models.engine import Engine
from ml_contract import lmi
from ml_contract.errors import reject
from ml_contract.images import LMI_TENSORRT_LLM
from ml_contract.instances import InstanceType


class TensorRtLlm(Engine):
    """TensorRT-LLM, which builds an engine when the model is loaded, unless the data holds one built before."""

    name = "tensorrt-llm"
    image = LMI_TENSORRT_LLM

    max_input_len: int = Field(default=1024, ge=1)
    """Tokens of the longest prompt, which the engine is built for."""
    max_seq_len: int | None = Field(default=None, ge=1)
    """Tokens of prompt and answer together; what the model's configuration says by default."""
    max_num_tokens: int | None = Field(default=None, ge=1)
    """Tokens of all sequences in one step; 16384 in the image by default."""
    dtype: Literal["float32", "float16", "bfloat16"] | None = None
    """What the weights are cast to; what the model's configuration says by default."""
    quantize: Literal["smoothquant", "awq", "fp8"] | None = None
    """Quantised when the engine is built; None for weights that are quantised already."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max_seq_len is not None and self.max_seq_len <= self.max_input_len:
            reject("max_seq_len", self.max_seq_len, f"prompts alone may have {self.max_input_len} (max_input_len)",
                   "Give more, so that an answer fits.")  # fmt: skip
        for prefix, method in (("smoothquant_", ("smoothquant",)), ("q_format", ("awq",)), ("calib_", ("awq", "fp8"))):
            for name in self.options:
                if name.startswith(prefix) and self.quantize not in method:
                    reject(f"options.{name}", self.options[name], f"it does nothing unless quantize is {method[0]}",
                           "Set quantize, or leave it out.")  # fmt: skip
        return self

    def _check_formats(self, found: InstanceType) -> None:
        if found.accelerator in lmi.WITHOUT_BFLOAT16:
            reject("resources.instance_type", found.name, f"the image {self.image.tag} needs compute capability 8.0",
                   "Take a newer type, for example ml.g5.xlarge.")  # fmt: skip
        super()._check_formats(found)
        if self.quantize == "fp8" and found.device is not None and "float8" not in found.device.formats:
            reject(
                "engine.quantize", "fp8", f"{found.device.name} has no float8", "Take awq, or a g6, p5 or newer type."
            )

    def chosen(self) -> dict[str, Any]:
        return {
            "rolling_batch": "auto",
            "tensor_parallel_degree": self.tensor_parallel,
            "pipeline_parallel_size": self.pipeline_parallel if self.pipeline_parallel > 1 else None,
            "max_rolling_batch_size": self.max_rolling_batch_size,
            "max_input_len": self.max_input_len,
            "max_seq_len": self.max_seq_len,
            "max_num_tokens": self.max_num_tokens,
            "dtype": self.dtype,
            "quantize": self.quantize,
        }

"""vLLM in AWS's LMI image.

Sources, read 2026-11-21: "vLLM Engine User Guide" and LmiConfigRecommender.java, djl-serving at d21927c.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.serving.models.engine import Engine
from constructs_lib.serving.models.speculation import DraftSpeculation, Speculation
from ml_contract.errors import reject
from ml_contract.images import LMI_VLLM


class Vllm(Engine):
    """vLLM."""

    name = "vllm"
    image = LMI_VLLM

    mode: Literal["async", "rolling-batch"] = "async"
    """How requests reach vLLM: its own asynchronous engine, the default since version 17 of the image, or the older
    way through DJL's batches."""
    max_model_len: int | None = Field(default=None, ge=1)
    """Tokens of prompt and answer together; what the model's configuration says by default."""
    dtype: Literal["fp32", "fp16", "bf16"] | None = None
    """What the weights are cast to; what the model's configuration says by default."""
    quantize: Literal["fp8", "bitsandbytes"] | None = None
    """Quantised when the model is loaded. None for weights that are quantised already: the engine sees it, and chooses
    the faster kernel."""
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    """Share of each GPU's memory for weights and cache; vLLM's default, 0.9, otherwise."""
    speculation: SerializeAsAny[Speculation] | None = None
    """Speculative decoding; none by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.mode == "rolling-batch" and self.pipeline_parallel > 1:
            reject("pipeline_parallel", self.pipeline_parallel, "vLLM divides layers in asynchronous mode only",
                   'Take mode="async".')  # fmt: skip
        if self.speculation is not None:
            self.speculation.check(self.tensor_parallel)
        for needed, without in (("enable_lora", ("max_loras", "max_lora_rank", "max_cpu_loras", "fully_sharded_loras")),
                                ("enable_auto_tool_choice", ("tool_call_parser",)),
                                ("enable_reasoning", ("reasoning_parser",))):  # fmt: skip
            for name in without:
                if name in self.options and self.options.get(needed) is not True:
                    reject(f"options.{name}", self.options[name], f"it does nothing unless {needed} is True",
                           f"Add {needed}=True, or leave it out.")  # fmt: skip
        return self

    @property
    def is_remote(self) -> bool:
        return isinstance(self.speculation, DraftSpeculation) and self.speculation.is_remote

    def chosen(self) -> dict[str, Any]:
        return {
            "rolling_batch": "auto" if self.mode == "async" else "vllm",
            "tensor_parallel_degree": self.tensor_parallel,
            "pipeline_parallel_degree": self.pipeline_parallel if self.pipeline_parallel > 1 else None,
            "max_rolling_batch_size": self.max_rolling_batch_size,
            "max_model_len": self.max_model_len,
            "dtype": self.dtype,
            "quantize": self.quantize,
            "gpu_memory_utilization": self.gpu_memory_utilization,
            "speculative_config": self.speculation.render() if self.speculation else None,
        }

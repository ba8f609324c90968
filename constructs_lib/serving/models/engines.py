"""Engines of the Large Model Inference images, with what each may be told.

What the fields are called is in ml_contract/lmi.py, with its sources; that TensorRT-LLM 0.21 needs Ampere or later:
its "Support Matrix", read 2026-11-21.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.serving.models.speculation import DraftSpeculation, Speculation
from constructs_lib.values import Value
from ml_contract import lmi
from ml_contract.errors import reject
from ml_contract.images import LMI_TENSORRT_LLM, LMI_VLLM, Image
from ml_contract.instances import InstanceType, instance


class Engine(Value):
    """What generates the tokens."""

    name: ClassVar[lmi.EngineName]
    image: ClassVar[Image]
    """AWS's image that holds it."""

    tensor_parallel: int = Field(ge=1, le=16)
    """GPUs over which each layer is sharded."""
    pipeline_parallel: int = Field(default=1, ge=1, le=16)
    """Groups of GPUs over which the layers are divided; 1 where the model fits without."""
    max_rolling_batch_size: int = Field(default=32, ge=1)
    """Sequences that are generated at once; more wait. The image's own default: 32."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further options of ml_contract/lmi.py, without their prefix ``option.``; nothing by default."""

    def chosen(self) -> dict[str, Any]:
        """The fields as options of the image; None: not passed on."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Variables of the container."""
        fields = {name: value for name, value in self.chosen().items() if value is not None}
        return dict(
            sorted((lmi.render(self.name, fields, field="engine") | lmi.render(self.name, self.options)).items())
        )

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        for name in self.options:
            if name in self.chosen():
                reject(f"options.{name}", self.options[name], f"{type(self).__name__} has a field for it",
                       "Set the field, and leave the option out.")  # fmt: skip
        self.environment()
        return self

    @property
    def is_remote(self) -> bool:
        """Whether a part of it comes from the Hugging Face hub."""
        return False

    def check(self, instance_type: str, accelerators: int | None = None) -> None:
        """Refuse GPUs that cannot hold the engine so.

        Args:
            instance_type: With its prefix.
            accelerators: Those of an inference component; all of the instance by default.

        Raises:
            ContractError: There are none, too few, or ones that its degrees leave idle; or they lack the number format.
        """
        found = instance(instance_type)
        if found.device is None or found.device.runs_on != "cuda":
            reject("resources.instance_type", instance_type, f"{self.name} in this image runs on NVIDIA GPUs",
                   "Take a type with GPUs, for example ml.g5.xlarge.")  # fmt: skip
        available = found.accelerators if accelerators is None else accelerators
        needed = self.tensor_parallel * self.pipeline_parallel
        if available == 0:
            reject("share.accelerators", accelerators, f"{self.name} runs on GPUs, and the component takes none",
                   f"Give {needed}.")  # fmt: skip
        if available % needed:
            fits = [degree for degree in range(1, available + 1) if available % degree == 0]
            where = instance_type if accelerators is None else f"its component on {instance_type}"
            reject("engine.tensor_parallel", self.tensor_parallel,
                   f"with pipeline_parallel {self.pipeline_parallel} it takes {needed}, and {where} has {available}",
                   f"The product must be one of {', '.join(map(str, fits))}.")  # fmt: skip
        self._check_formats(found)

    def _check_formats(self, found: InstanceType) -> None:
        chosen = self.chosen()
        asked = [chosen[name] for name in ("dtype", "quantize") if chosen[name] in ("bf16", "bfloat16", "fp8")]
        if asked and found.accelerator in lmi.WITHOUT_BFLOAT16:
            reject("engine", asked[0], f"{found.accelerator} has no such numbers",
                   "Take fp16, or a newer type, for example ml.g5.xlarge.")  # fmt: skip


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

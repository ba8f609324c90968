"""What an optimisation job does to a model, each technique with the options that it has.

Sources, read 2026-11-21: OptimizationConfig, SageMaker API reference; "Create an inference optimization job",
SageMaker Developer Guide; "Container and Model Configurations" of DJL Serving, for the variables of its containers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pydantic import Field

from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location
from constructs_lib.values import Value
from ml_contract.errors import reject

Address = Callable[[Location], str]
"""Gives the address of a place in S3."""
Engine = Literal["vllm", "tensorrt-llm", "neuron"]


class Technique(Value):
    """One technique."""

    family: ClassVar[str]
    """What kind it is: a job has at most one of each."""
    engines: ClassVar[frozenset[Engine]]
    """What can run its result."""

    def check(self, instance_type: str, cores: int | None) -> None:
        """Refuse a type that cannot run the result.

        Raises:
            ContractError: It has too few accelerators.
        """

    @abstractmethod
    def render(self, address: Address, image: Callable[[ContainerImage], str], /) -> dict[str, Any]:
        """Its entry in OptimizationConfigs.

        Args:
            address: Gives the address of a place in S3.
            image: Gives the address of an image.
        """


class ContainerTechnique(Technique):
    """A technique that runs in one of AWS's Large Model Inference images, told by its environment."""

    config: ClassVar[str]
    """Name of its entry in OptimizationConfigs."""

    image: ContainerImage | None = None
    """Image that does it; SageMaker's own choice by default."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """What the container is told."""

    def render(self, _address: Address, image: Callable[[ContainerImage], str], /) -> dict[str, Any]:
        chosen = {"Image": image(self.image)} if self.image else {}
        return {self.config: {**chosen, "OverrideEnvironment": self.environment()}}


class Split(ContainerTechnique):
    """A technique whose result is split over accelerators."""

    tensor_parallel_degree: int | None = Field(default=None, ge=1, le=64)
    """Accelerators, or Neuron cores, over which the model is split; the container's own choice by default."""

    def environment(self) -> dict[str, str]:
        if self.tensor_parallel_degree is None:
            return {}
        return {"OPTION_TENSOR_PARALLEL_DEGREE": str(self.tensor_parallel_degree)}

    def check(self, instance_type: str, cores: int | None) -> None:
        degree = self.tensor_parallel_degree
        if cores is not None and degree is not None and degree > cores:
            reject("tensor_parallel_degree", degree, f"{instance_type} has {cores} accelerators or cores",
                   f"Give at most {cores}, or a larger type.")  # fmt: skip


class Quantization(Split):
    """Weights, and with some also activations, in fewer bits."""

    family: ClassVar[str] = "quantization"
    config: ClassVar[str] = "ModelQuantizationConfig"
    engines: ClassVar[frozenset[Engine]] = frozenset({"vllm", "tensorrt-llm"})
    option: ClassVar[str]
    """What OPTION_QUANTIZE is set to."""

    def environment(self) -> dict[str, str]:
        return {"OPTION_QUANTIZE": self.option, **super().environment()}


class Awq(Quantization):
    """Activation-aware weight quantisation: weights in 4 bits."""

    option: ClassVar[str] = "awq"


class Fp8(Quantization):
    """Weights and activations in 8-bit floats."""

    option: ClassVar[str] = "fp8"


class SmoothQuant(Quantization):
    """Weights and activations in 8-bit integers (INT8), for TensorRT-LLM: needs its compilation."""

    option: ClassVar[str] = "smoothquant"
    engines: ClassVar[frozenset[Engine]] = frozenset({"tensorrt-llm"})


class Compilation(Split):
    """A plan for one type of accelerator, built ahead of time: new instances begin faster."""

    family: ClassVar[str] = "compilation"
    config: ClassVar[str] = "ModelCompilationConfig"


class TensorRtLlm(Compilation):
    """Compiles for GPUs with TensorRT-LLM."""

    engines: ClassVar[frozenset[Engine]] = frozenset({"tensorrt-llm"})

    max_input_tokens: int = Field(ge=1, le=1_000_000)
    """Longest prompt that the engine takes."""
    max_output_tokens: int = Field(ge=1, le=1_000_000)
    """Longest answer that the engine gives."""
    max_batch: int = Field(ge=1, le=1024)
    """Most sequences at once."""

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            "OPTION_MAX_INPUT_LEN": str(self.max_input_tokens),
            "OPTION_MAX_OUTPUT_LEN": str(self.max_output_tokens),
            "OPTION_MAX_ROLLING_BATCH_SIZE": str(self.max_batch),
        }


class Neuron(Compilation):
    """Compiles for Inferentia2 and Trainium with the Neuron SDK."""

    engines: ClassVar[frozenset[Engine]] = frozenset({"neuron"})

    positions: int = Field(ge=1, le=1_000_000)
    """Longest sequence, prompt and answer together, tokens."""
    max_batch: int = Field(ge=1, le=1024)
    """Most sequences at once."""
    dtype: Literal["fp16", "bf16", "fp32"] = "bf16"
    """Type of the weights; bfloat16 by default, as models are published."""
    optimize_level: Literal[1, 2, 3] = 2
    """How long the compiler may look for a better plan; 2 is its own default."""

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            "OPTION_N_POSITIONS": str(self.positions),
            "OPTION_DTYPE": self.dtype,
            "OPTION_ROLLING_BATCH": "auto",
            "OPTION_MAX_ROLLING_BATCH_SIZE": str(self.max_batch),
            "OPTION_NEURON_OPTIMIZE_LEVEL": str(self.optimize_level),
        }


class Sharding(Split):
    """Weights cut for a tensor-parallel degree beforehand, so that each accelerator streams only its own part."""

    family: ClassVar[str] = "sharding"
    config: ClassVar[str] = "ModelShardingConfig"
    engines: ClassVar[frozenset[Engine]] = frozenset({"vllm"})

    tensor_parallel_degree: int = Field(ge=1, le=64)
    """Accelerators over which the model is split; the endpoint must use the same."""


class Eagle(Technique):
    """Speculative decoding: a small head drafts tokens that the model accepts or refuses at once."""

    family: ClassVar[str] = "speculative decoding"
    engines: ClassVar[frozenset[Engine]] = frozenset({"vllm"})

    training_data: Location | None = None
    """Prompts and answers to train the head on, as ShareGPT, OpenAI completions or chat, or unencrypted captured
    data; SageMaker's own data by default."""

    def render(self, address: Address, _image: Callable[[ContainerImage], str], /) -> dict[str, Any]:
        config: dict[str, Any] = {"Technique": "EAGLE"}
        if self.training_data is not None:
            config["TrainingDataSource"] = {"S3Uri": f"{address(self.training_data)}/", "S3DataType": "S3Prefix"}
        return {"ModelSpeculativeDecodingConfig": config}

"""Which model is optimised, how, and for what.

Which techniques go together: ``sagemaker/serve/validations/optimization.py`` of the SageMaker SDK 3.27, read
2026-11-21. TensorRT-LLM compiles, and quantises what it compiles; vLLM quantises, drafts and takes shards, but does not
compile; Neuron only compiles.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.serving.optimization.hardware import NEURON_CORES, check_type, cores
from constructs_lib.serving.optimization.techniques import Compilation, Engine, SmoothQuant, Technique
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location
from constructs_lib.values import Value
from ml_contract.errors import reject

MOST_VARIABLES = 25
_DIGEST = 10


def _image_text(image: ContainerImage) -> str:
    """An image by what names it, in the same words in every process."""
    return json.dumps(image.model_dump(exclude={"modules"}), sort_keys=True, default=str)


class Optimization(Value):
    """A job that makes another form of a model."""

    name: str = Field(pattern=r"^[a-z0-9](-?[a-z0-9])*$", max_length=50)
    """What the job's name begins with, for example ``llama-70b-awq``."""
    source: Location
    """Weights, in the format of Hugging Face."""
    accept_eula: bool = False
    """Whether you accept the licence that the model demands; only models that demand one need it."""
    instance_type: str
    """Type that will serve the result, for example ``ml.g5.12xlarge``. A compiled model runs on no other."""
    techniques: tuple[Technique, ...] = Field(min_length=1, max_length=10)
    """What is done, at most one of each family."""
    max_run_seconds: int = Field(ge=3600, le=2419200)
    """After how long SageMaker ends the job."""
    environment: dict[str, str] = Field(default_factory=dict, max_length=MOST_VARIABLES)
    """Further variables of the container; none by default."""
    revision: str = Field(default="1", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """Another one runs the job again, for example when the weights below ``source`` were replaced."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_type(self.instance_type)
        if self.source.path:
            reject("source", self.source.path, "what a pipeline makes has no address at synth",
                   "Give a Location without a path.")  # fmt: skip
        families = [technique.family for technique in self.techniques]
        twice = [family for family in families if families.count(family) > 1]
        if twice:
            reject("techniques", twice[0], "a job has at most one of each family", "Keep one.")
        self._check_engine()
        for technique in self.techniques:
            technique.check(self.instance_type, cores(self.instance_type))
        return self

    def _check_engine(self) -> None:
        names = " + ".join(type(technique).__name__ for technique in self.techniques)
        compiles = any(isinstance(technique, Compilation) for technique in self.techniques)
        if not compiles and any(isinstance(technique, SmoothQuant) for technique in self.techniques):
            reject("techniques", names, "SmoothQuant is for TensorRT-LLM, which compiles", "Add TensorRtLlm(…).")
        here: frozenset[Engine] = frozenset({"vllm", "tensorrt-llm"})
        if self.instance_type in NEURON_CORES:
            here = frozenset({"neuron"})
        left = here.intersection(*(technique.engines for technique in self.techniques))
        if not left:
            reject("techniques", names, f"no engine on {self.instance_type} runs all of them",
                   "On GPUs take quantisation with TensorRtLlm, or quantisation, Eagle and Sharding without; on "
                   "Inferentia and Trainium take Neuron alone.")  # fmt: skip

    @property
    def digest(self) -> str:
        """What the job does, in short: equal jobs have one name and one result."""
        parts: list[Any] = [self.revision, self.source.prefix, self.instance_type, self.environment]
        # Addresses hold references, whose text is another in each process: their fixed parts tell enough.
        parts += [technique.render(lambda place: place.prefix, _image_text) for technique in self.techniques]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_DIGEST]

    @property
    def job_name(self) -> str:
        """Name of the job: another one for each change of what it does."""
        return f"{self.name}-{self.digest}"

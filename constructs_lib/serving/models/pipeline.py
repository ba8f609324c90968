"""Two to fifteen containers on one instance.

Sources, read 2026-11-21: "Create a multi-container endpoint (Boto 3)", "Inference pipelines in Amazon SageMaker AI",
SageMaker AI Developer Guide; ContainerDefinition, ContainerHostname, SageMaker API reference.
"""

from __future__ import annotations

from typing import Literal, Self

from aws_cdk import aws_sagemaker as sagemaker
from pydantic import Field, model_validator

from constructs_lib.serving.binding import Binding
from constructs_lib.serving.models.base import Container, Model
from constructs_lib.values import Value
from ml_contract.errors import reject

MOST = 15


class Stage(Value):
    """One container of several."""

    name: str = Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")
    """Name in logs and metrics, and in requests that ask this container alone."""
    model: Model
    """What it serves: a model of one container."""


class SerialPipeline(Model):
    """Containers in a row, each reading what the one before it answered; or each asked by itself."""

    several_containers = True

    stages: tuple[Stage, ...] = Field(min_length=2, max_length=MOST)
    """The containers in order."""
    mode: Literal["Serial", "Direct"] = "Serial"
    """Serial: a request runs through all of them. Direct: it names one (TargetContainerHostname)."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            reject("stages", names, "each container has its own name", "Rename one of them.")
        for stage in self.stages:
            if stage.model.several_containers or stage.model.multi_model:
                reject(f"stages.{stage.name}", type(stage.model).__name__, "a stage is one container with one model",
                       "Give its stages here, or serve it on an endpoint of its own.")  # fmt: skip
            if stage.model.network_isolation and not self.network_isolation:
                reject(f"stages.{stage.name}.network_isolation", True, "isolation is of all containers or of none",
                       "Set it on the pipeline.")  # fmt: skip
        return self

    @property
    def archives_only(self) -> bool:
        return all(stage.model.archives_only for stage in self.stages)

    @property
    def cuda(self) -> int | None:
        return max((stage.model.cuda for stage in self.stages if stage.model.cuda is not None), default=None)

    @property
    def needs_gpu(self) -> bool:
        return any(stage.model.needs_gpu for stage in self.stages)

    def check(self, instance_type: str, _accelerators: int | None = None, /) -> None:
        for stage in self.stages:
            stage.model.check(instance_type)

    def containers(self, binding: Binding) -> list[Container]:
        return [
            {**container, "container_hostname": stage.name}
            for stage in self.stages
            for container in stage.model.containers(binding)
        ]

    def execution(self) -> sagemaker.CfnModel.InferenceExecutionConfigProperty:
        return sagemaker.CfnModel.InferenceExecutionConfigProperty(mode=self.mode)

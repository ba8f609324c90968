"""What becomes of a model that is registered: the image that serves it, and what the image loads."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Self

from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.serving.models import Engine
from constructs_lib.training import ContainerImage, DeepLearningImage
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.images import TRITON
from ml_contract.instances import instance
from ml_contract.packaging import PackageOptions

JSON = "application/json"


class Packaging(Value):
    """How a model is served, wherever that will be."""

    media_types: ClassVar[tuple[str, ...]] = (JSON,)
    """Of requests and of answers."""

    instance_types: tuple[str, ...] = Field(min_length=1)
    """Types that may serve it."""

    @property
    @abstractmethod
    def served_by(self) -> ContainerImage:
        """Image that serves it."""

    @property
    def step(self) -> PackageOptions | None:
        """Options of the Package step; None registers the training artifact as it is."""
        return None

    @property
    @abstractmethod
    def on_gpu(self) -> bool:
        """Whether it runs on a GPU only."""

    def environment(self, _model: str, /) -> dict[str, str]:
        """Variables of the serving container of what the artifact's manifest calls by this name."""
        return {}


class TritonPackaging(Packaging):
    """A Triton model repository."""

    media_types = (JSON, "application/octet-stream", "application/vnd.sagemaker-triton.binary+json;json-header-size=*")

    package: PackageOptions
    """How the repository is built."""
    image: ContainerImage = DeepLearningImage(image=TRITON)
    """AWS's Triton image by default, or one of your own built on it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.instance_types:
            if self.package.on_gpu and not instance(name).accelerators:
                reject("package.instances", self.package.instances, f"instance_types names {name}, without GPU",
                       "Take CpuInstances, or types with a GPU.")  # fmt: skip
        if self.package.engine_types and (
            self.package.engine_types != self.instance_types or len(self.instance_types) > 1
        ):
            reject("instance_types", self.instance_types, "an engine runs on the type that built it,"
                   f" {', '.join(self.package.engine_types)}", "Name that one alone.")  # fmt: skip
        return self

    @property
    def served_by(self) -> ContainerImage:
        return self.image

    @property
    def step(self) -> PackageOptions:
        return self.package

    @property
    def on_gpu(self) -> bool:
        return self.package.on_gpu

    def environment(self, model: str, /) -> dict[str, str]:
        return {"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": model}


class LmiPackaging(Packaging):
    """A language model in Hugging Face's files, as the trainer exports it, for an engine of AWS's LMI images."""

    engine: SerializeAsAny[Engine]
    """Engine and options."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.instance_types:
            self.engine.check(name)
        return self

    @property
    def served_by(self) -> ContainerImage:
        return DeepLearningImage(image=self.engine.image)

    @property
    def on_gpu(self) -> bool:
        return True

    def environment(self, _model: str, /) -> dict[str, str]:
        return self.engine.environment()

"""Large language models in AWS's Large Model Inference images (DJL Serving).

Sources, read 2026-11-21: djl-serving at d21927c, "Deploying your model on a SageMaker Endpoint" (the container reads
/opt/ml/model where no model id is given) and "Container and Model Configurations" (variables).
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.serving.binding import Binding
from constructs_lib.serving.models.base import Container, Model, cuda_of
from constructs_lib.serving.models.data import ModelData
from constructs_lib.serving.models.engine import Engine
from constructs_lib.training.image import ContainerImage, DeepLearningImage
from ml_contract.errors import reject


class LmiModel(Model):
    """Weights and the engine that runs them. A serving.properties among the weights wins over the options here."""

    engine: SerializeAsAny[Engine]
    """The engine with its options."""
    data: ModelData | None = None
    """The weights in S3, in Hugging Face's format, or what the engine was built into before."""
    model_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", max_length=200)
    """Name of the model on the Hugging Face hub, which the container fetches at every start."""
    image: ContainerImage | None = None
    """An image of your own in place of AWS's for the engine."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.data is None) == (self.model_id is None):
            reject("model_id", self.model_id, "the weights come from S3 or from the hub, one of them",
                   "Give either data or model_id.")  # fmt: skip
        if self.network_isolation and self._fetches:
            reject("network_isolation", True, f"the container fetches {self._fetches} from the hub",
                   "Put it into S3 and give data=Uncompressed(…).")  # fmt: skip
        return self

    @property
    def _fetches(self) -> str | None:
        if self.model_id is not None:
            return self.model_id
        return "the draft model" if self.engine.is_remote else None

    @property
    def archives_only(self) -> bool:
        return self.data is None or self.data.compressed

    @property
    def needs_gpu(self) -> bool:
        return True

    def check(self, instance_type: str, accelerators: int | None = None, /) -> None:
        self.engine.check(instance_type, accelerators)

    @property
    def _image(self) -> ContainerImage:
        return self.image or DeepLearningImage(image=self.engine.image)

    @property
    def cuda(self) -> int | None:
        return cuda_of(self._image)

    def containers(self, binding: Binding) -> list[Container]:
        if binding.network is not None and binding.network.closed and self._fetches:
            reject("model_id", self._fetches, "the network is closed, and the container reaches no hub from it",
                   "Put them into S3 and give data=Uncompressed(…), or leave the network out.")  # fmt: skip
        self._image.grant_pull(binding.role)
        environment = self.engine.environment()
        if self.model_id is not None:
            environment["HF_MODEL_ID"] = self.model_id
        container: Container = {"image": self._image.uri(binding.role), "environment": environment}
        if self.data is not None:
            self.data.grant_read(binding.role)
            container |= self.data.render()
        return [container]

"""A Triton model repository in SageMaker's Triton image.

Source of the variables: docker/sagemaker/serve of triton-inference-server/server at e1db8a6 (2026-08-19), the script
that the image starts.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.serving.binding import Binding
from constructs_lib.serving.models.base import Container, Model, cuda_of
from constructs_lib.serving.models.data import ModelData
from constructs_lib.training.image import ContainerImage
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import instance

_PREFIX = "SAGEMAKER_TRITON_"


class TritonServer(Value):
    """How the image starts tritonserver."""

    verbose: bool = False
    """Whether every request is logged in full. The image's own default is true, which fills CloudWatch."""
    information: bool = True
    """Whether messages of the level information are logged, beside warnings and errors."""
    shared_memory_bytes: int = Field(default=2**24, ge=2**20)
    """Shared memory that each Python model begins with, bytes."""
    shared_memory_growth_bytes: int = Field(default=2**20, ge=2**16)
    """Shared memory by which it grows, bytes."""
    threads: int | None = Field(default=None, ge=1, le=1024)
    """Threads that read requests; tritonserver's default otherwise."""
    buffer_threads: int | None = Field(default=None, ge=1, le=1024)
    """Threads that copy inputs and outputs; tritonserver's default otherwise."""
    metrics: bool = False
    """Whether tritonserver counts batches and latencies on its metrics port, inside the container."""
    gpu_load_limit: float | None = Field(default=None, gt=0, le=1)
    """Share of each GPU's memory beyond which a model is not loaded any more; no limit by default."""

    def environment(self) -> dict[str, str]:
        """Variables of the container."""
        found: dict[str, Any] = {
            "LOG_VERBOSE": self.verbose,
            "LOG_INFO": self.information,
            "SHM_DEFAULT_BYTE_SIZE": self.shared_memory_bytes,
            "SHM_GROWTH_BYTE_SIZE": self.shared_memory_growth_bytes,
            "THREAD_COUNT": self.threads,
            "BUFFER_MANAGER_THREAD_COUNT": self.buffer_threads,
            "ALLOW_METRICS": self.metrics,
            "MODEL_LOAD_GPU_LIMIT": self.gpu_load_limit,
        }
        return {_PREFIX + name: str(value).lower() for name, value in found.items() if value is not None}

    def check(self, instance_type: str) -> None:
        """Refuse a limit on GPUs where there are none.

        Raises:
            ContractError: There are none.
        """
        if self.gpu_load_limit is not None and not instance(instance_type).accelerators:
            reject("server.gpu_load_limit", self.gpu_load_limit, f"{instance_type} has no GPU", "Leave it out.")


class TritonModel(Model):
    """One model, or one ensemble with the models that it schedules."""

    image: ContainerImage
    """SageMaker's Triton image, or one of your own built on it."""
    data: ModelData
    """The repository: one folder a model, each with config.pbtxt."""
    default_model: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    """Folder of the model, or of the ensemble, that answers."""
    server: TritonServer = TritonServer()
    """How the server starts."""

    @model_validator(mode="after")
    def _check_name(self) -> Self:
        if self.default_model in (".", ".."):
            reject("default_model", self.default_model, "it is the name of a folder", "Name the model.")
        return self

    @property
    def archives_only(self) -> bool:
        return self.data.compressed

    @property
    def needs_gpu(self) -> bool:
        return self.server.gpu_load_limit is not None

    def check(self, instance_type: str, _accelerators: int | None = None, /) -> None:
        self.server.check(instance_type)

    @property
    def cuda(self) -> int | None:
        return cuda_of(self.image)

    def containers(self, binding: Binding) -> list[Container]:
        self.image.grant_pull(binding.role)
        self.data.grant_read(binding.role)
        environment = {_PREFIX + "DEFAULT_MODEL_NAME": self.default_model, **self.server.environment()}
        return [{"image": self.image.uri(binding.role), "environment": environment, **self.data.render()}]

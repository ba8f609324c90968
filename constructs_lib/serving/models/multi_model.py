"""Many models behind one endpoint, loaded as requests name them.

Each model is one archive below one prefix, ``NAME.tar.gz`` with one folder of a Triton repository in it
(:func:`ml_contract.multi_model.pack`). Adding a model is an upload; the endpoint does not change.

Sources, read 2026-11-21: "Multi-model endpoints", "Supported algorithms, frameworks, and instances for multi-model
endpoints", "Set SageMaker AI multi-model endpoint model caching behavior", SageMaker AI Developer Guide.
"""

from __future__ import annotations

from typing import Self

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from pydantic import model_validator

from constructs_lib.serving.binding import Binding
from constructs_lib.serving.models.base import Container, Model, cuda_of
from constructs_lib.serving.models.triton import TritonServer
from constructs_lib.training.image import ContainerImage, DeepLearningImage, EcrImage
from constructs_lib.training.location import Location
from ml_contract import hosting
from ml_contract.errors import reject
from ml_contract.images import TRITON
from ml_contract.instances import instance
from ml_contract.multi_model import LABEL


class MultiModel(Model):
    """Every archive below a prefix, on CPUs or on a GPU that they share."""

    multi_model = True

    image: ContainerImage
    """SageMaker's Triton image, or one of your own with the label that says it can."""
    models: Location
    """Where the archives lie."""
    cached: bool = True
    """Whether a model stays loaded after a request. Not caching helps where there are many, each seldom asked."""
    server: TritonServer = TritonServer()
    """How the server starts."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.models.path:
            reject("models", self.models.path, "what a pipeline makes has no address when an endpoint is built",
                   "Give a Location without a path.")  # fmt: skip
        if isinstance(self.image, DeepLearningImage) and self.image.image.repository != TRITON.repository:
            reject("image", self.image.image.repository, "of AWS's images, GPU multi-model takes Triton's alone",
                   f"Take {TRITON.repository}:{TRITON.tag}, or an image of your own.")  # fmt: skip
        if isinstance(self.image, EcrImage) and LABEL not in self.image.labels:
            reject("image.labels", sorted(self.image.labels), "an image serves many models only with the label for it",
                   f"Write LABEL {LABEL} into its Dockerfile and name it in labels.")  # fmt: skip
        return self

    @property
    def needs_gpu(self) -> bool:
        return self.server.gpu_load_limit is not None

    def check(self, instance_type: str, _accelerators: int | None = None, /) -> None:
        family = hosting.family(instance_type)
        if instance(instance_type).accelerators and family not in hosting.MULTI_MODEL_GPU_FAMILIES:
            reject("resources.instance_type", instance_type,
                   f"several models share a GPU on {', '.join(hosting.MULTI_MODEL_GPU_FAMILIES)} only, by the guide of "
                   f"{hosting.READ_ON}", "Take one of these, or a type without a GPU.")  # fmt: skip
        self.server.check(instance_type)

    def grant_upload(self, identity: iam.IGrantable, folder: str | None = None) -> None:
        """Let ``identity`` add and replace models, and neither read nor remove any.

        Args:
            identity: Who may upload.
            folder: The only folder below the prefix that it may write to, such as ``team-a``; None: any.
        """
        below = f"{self.models.prefix}/{folder}" if folder else self.models.prefix
        Location(bucket=self.models.bucket, prefix=below).grant_write(identity)

    @property
    def cuda(self) -> int | None:
        return cuda_of(self.image)

    def containers(self, binding: Binding) -> list[Container]:
        self.image.grant_pull(binding.role)
        self.models.grant_read(binding.role)
        cache = sagemaker.CfnModel.MultiModelConfigProperty(
            model_cache_setting="Enabled" if self.cached else "Disabled"
        )
        return [
            {
                "image": self.image.uri(binding.role),
                "mode": "MultiModel",
                "model_data_url": f"{self.models.uri}/",
                "multi_model_config": cache,
                "environment": self.server.environment(),
            }
        ]

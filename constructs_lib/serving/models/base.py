"""What every model has in common: containers, what they may read, where they run."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.serving.binding import Binding
from constructs_lib.training.image import ContainerImage, DeepLearningImage
from constructs_lib.training.roles import after_policies
from constructs_lib.values import Value

Container = dict[str, Any]
"""Properties of a ContainerDefinition, as the L1 construct names them."""


def cuda_of(image: ContainerImage) -> int | None:
    """Major version of CUDA in one of AWS's images; None in one of your own, of which nothing is known."""
    return image.image.cuda if isinstance(image, DeepLearningImage) else None


class Model(Value):
    """What a variant or an inference component serves."""

    multi_model: ClassVar[bool] = False
    """Whether a request names one of many models."""
    several_containers: ClassVar[bool] = False
    """Whether its containers are more than one."""
    network_isolation: bool = False
    """Whether containers reach no network at all, Amazon S3 included; SageMaker brings them their model data."""

    @property
    def archives_only(self) -> bool:
        """Whether all its data are compressed archives: what else there is, serverless variants do not take."""
        return True

    @property
    def cuda(self) -> int | None:
        """Major version of CUDA in its containers, which the instances' driver must run; None: any."""
        return None

    @property
    def needs_gpu(self) -> bool:
        """Whether it runs on a GPU only."""
        return False

    def check(self, instance_type: str, accelerators: int | None = None, /) -> None:
        """Refuse a type that cannot serve the model.

        Args:
            instance_type: With its prefix, for example ``ml.g5.xlarge``.
            accelerators: Those that an inference component has of the instance; all by default.

        Raises:
            ContractError: With the field and the way out. A model of its own says nothing.
        """

    @abstractmethod
    def containers(self, binding: Binding) -> list[Container]:
        """The containers in order, with what they need granted to ``binding.role``."""

    def bind(self, scope: Construct, binding: Binding) -> sagemaker.CfnModel:
        """Make the model below ``scope``, after the policies of its role."""
        definition = sagemaker.CfnModel.ContainerDefinitionProperty
        containers = [definition(**container) for container in self.containers(binding)]
        model = sagemaker.CfnModel(
            scope,
            "Model",
            execution_role_arn=binding.role.role_arn,
            containers=containers,
            enable_network_isolation=self.network_isolation or None,
            vpc_config=binding.model_network(),
            inference_execution_config=self.execution(),
        )
        after_policies(model, binding.role)
        return model

    def execution(self) -> sagemaker.CfnModel.InferenceExecutionConfigProperty | None:
        """How several containers are called; None for one."""
        return None

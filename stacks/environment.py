"""What an environment may hold: the constructs' own value objects, and the workload's."""

from __future__ import annotations

from typing import Literal, Self

import aws_cdk as cdk
from pydantic import Field, model_validator

from constructs_lib.network import NetworkSettings
from constructs_lib.serving import ServingResources
from constructs_lib.storage import StorageSettings
from constructs_lib.training import DeepLearningImage, ProcessingResources, RetryPolicy, TrainingResources
from constructs_lib.training.capacity import Capacity
from constructs_lib.values import Value
from ml_contract.bytes_lm import BytesLm, EvaluateOptions, PrepareOptions
from ml_contract.errors import reject
from ml_contract.instances import instance
from ml_contract.packaging import PackageOptions


class BytesLmTraining(Value):
    """Training of the byte-level language model."""

    model: BytesLm
    """Hyperparameters."""
    prepare: PrepareOptions
    """The data set."""
    evaluate: EvaluateOptions
    """The evaluation."""
    image: DeepLearningImage
    """Image of all jobs."""
    resources: TrainingResources
    """Hosts of the training job."""
    capacity: Capacity
    """Where the hosts come from, and how long they may run."""
    retries: tuple[RetryPolicy, ...]
    """When a failed step is started anew."""
    processing: ProcessingResources
    """Host of the steps before and after training."""
    bits_per_byte: float = Field(gt=0, le=8)
    """Largest figure on held-out text with which a model is registered; an execution may give its own."""
    approval: Literal["PendingManualApproval", "Approved"]
    """Whether a person approves a registered model before it can be served."""


class BytesLmServing(Value):
    """Serving of the byte-level language model."""

    image: DeepLearningImage
    """Image of Triton."""
    package: PackageOptions
    """How the model is packed for it."""
    resources: ServingResources
    """Instances behind the endpoint."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        gpu = instance(self.resources.instance_type).accelerators > 0
        if self.package.instance_kind == "KIND_GPU" and not gpu:
            reject("package.instance_kind", self.package.instance_kind,
                   f"resources.instance_type {self.resources.instance_type} has no GPU",
                   "Take KIND_CPU, or a type with a GPU.")  # fmt: skip
        return self


class Environment(Value):
    """One environment: an account, a region, and everything that differs from environment to environment."""

    name: str = Field(pattern=r"^[a-z][a-z0-9]{1,15}$")
    """Short name, part of the names of stacks and pipelines."""
    account: str = Field(pattern=r"^[0-9]{12}$")
    """AWS account."""
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")
    """AWS region, for example ``eu-central-1``."""
    protected: bool
    """Whether buckets, keys and logs outlive their stack, and stacks refuse to be deleted."""
    network: NetworkSettings
    """VPC."""
    storage: StorageSettings
    """Buckets."""
    training: BytesLmTraining
    """Pipeline."""
    serving: BytesLmServing
    """Endpoint."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        hosts = self.training.resources.instance_count + self.serving.resources.instance_count + 1
        if hosts > self.network.nodes:
            reject("network.nodes", self.network.nodes,
                   f"training ({self.training.resources.instance_count}), serving "
                   f"({self.serving.resources.instance_count}) and one processing host run at one time",
                   f"Give at least {hosts}.")  # fmt: skip
        if self.training.resources.efa and not self.network.efa:
            reject("network.efa", self.network.efa, "training.resources.efa is True and its nodes take five addresses",
                   "Set network.efa=True.")  # fmt: skip
        for zone in self.network.availability_zones:
            if not zone.startswith(self.region):
                reject("network.availability_zones", zone, f"a zone lies in the environment's region {self.region}",
                       f"Write it like {self.region}a.")  # fmt: skip
        return self

    @property
    def stage(self) -> str:
        """Id of its stage, for example ``Dev`` in ``cdk deploy 'Dev/**'``."""
        return self.name.capitalize()

    @property
    def target(self) -> cdk.Environment:
        """Account and region as CDK wants them."""
        return cdk.Environment(account=self.account, region=self.region)

    @property
    def removal(self) -> cdk.RemovalPolicy:
        """What happens to what holds data."""
        return cdk.RemovalPolicy.RETAIN if self.protected else cdk.RemovalPolicy.DESTROY

    def stack_name(self, part: str) -> str:
        """Name of one of its stacks."""
        return f"trainyard-{self.name}-{part}"

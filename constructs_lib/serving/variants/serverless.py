"""Capacity that SageMaker brings while requests come.

Sources of the limits and exclusions, read 2026-11-21: ProductionVariantServerlessConfig and ContainerDefinition,
SageMaker API reference; "Deploy models with Amazon SageMaker Serverless Inference", Feature exclusions, SageMaker AI
Developer Guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.serving.binding import Binding, Deployed
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.models.base import Model
from constructs_lib.serving.variants.base import ModelVariant, Production
from ml_contract import hosting
from ml_contract.errors import reject

_INSTANCES = ("instance_type", "instance_count", "resources", "gpus")


class Serverless(ModelVariant):
    """CPUs and memory for as long as a request takes; none, and no cost, while nobody asks.

    The image may have 10 GB at most, which SageMaker checks when the endpoint is made.
    """

    serverless = True

    model: SerializeAsAny[Model]
    """What it serves: one container, CPUs, its data an archive."""
    memory_mb: int
    """Memory, MB: 1024, 2048, … 6144. CPUs come with it."""
    max_concurrency: int = Field(ge=1, le=hosting.SERVERLESS_CONCURRENCY)
    """Requests that are answered at once; more are refused with 429."""
    provisioned_concurrency: int | None = Field(default=None, ge=1)
    """Requests at once for which containers are kept warm, and billed; None: the first request after a pause waits."""

    @model_validator(mode="before")
    @classmethod
    def _check_capacity(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            for name in _INSTANCES:
                if name in values:
                    reject(name, values[name], "a serverless variant has no instances of its own, and no GPU",
                           "Take RealTime(resources=…).")  # fmt: skip
        return values

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.memory_mb not in hosting.SERVERLESS_MEMORY_MB:
            nearest = min(
                hosting.SERVERLESS_MEMORY_MB, key=lambda size: (size < self.memory_mb, abs(size - self.memory_mb))
            )
            reject("memory_mb", self.memory_mb,
                   f"serverless memory is one of {', '.join(map(str, hosting.SERVERLESS_MEMORY_MB))}",
                   f"Give {nearest}.")  # fmt: skip
        provisioned = self.provisioned_concurrency
        if provisioned is not None and provisioned > self.max_concurrency:
            reject("provisioned_concurrency", provisioned, f"it is at most max_concurrency, {self.max_concurrency}",
                   "Give less, or more max_concurrency.")  # fmt: skip
        for wrong, what, way_out in (
            (self.model.needs_gpu, "has no GPU, which the model needs", "Take RealTime with a GPU type."),
            (self.model.multi_model, "serves one model", "Take RealTime."),
            (self.model.several_containers, "runs one container", "Take RealTime."),
            (self.model.network_isolation, "cannot be isolated", "Leave network_isolation out, or take RealTime."),
            (not self.model.archives_only, "takes a tar.gz alone", "Give data=Archive(…), or take RealTime."),
        ):
            if wrong:
                reject("model", type(self.model).__name__, f"a serverless variant {what}", way_out)
        return self

    @property
    def served(self) -> Model:
        return self.model

    @property
    def scales(self) -> bool:
        # Provisioned concurrency is none of the properties that an update can retain (VariantProperty).
        return False

    def bind(self, scope: Construct, binding: Binding) -> Production:
        model = self.model.bind(scope, binding)
        return Production(
            variant_name=self.name,
            model_name=model.attr_model_name,
            initial_variant_weight=self.weight,
            serverless_config=sagemaker.CfnEndpointConfig.ServerlessConfigProperty(
                memory_size_in_mb=self.memory_mb,
                max_concurrency=self.max_concurrency,
                provisioned_concurrency=self.provisioned_concurrency,
            ),
        )

    def hosted(self, deployed: Deployed) -> Hosted:
        return Hosted(
            kind="serverless",
            endpoint=deployed.name,
            variant=self.name,
            provisioned_concurrency=self.provisioned_concurrency,
            max_concurrency=self.max_concurrency,
            resource=deployed.resource,
        )

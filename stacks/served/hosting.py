"""Where an endpoint's model runs, and what becomes of its requests."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from constructs_lib.serving import ServingResources
from constructs_lib.serving.models import Model
from constructs_lib.serving.scaling import Scaling
from constructs_lib.serving.variants import RealTime, Serverless, Variant
from constructs_lib.values import Value


class Instances(Value):
    """Instances that wait for requests."""

    resources: ServingResources
    """The instances."""
    scaling: Scaling | None = None
    """How their number follows the load; None: it stays."""

    @property
    def most(self) -> int:
        """Instances at most."""
        return max(self.resources.instance_count, self.scaling.maximum if self.scaling else 0)

    @property
    def types(self) -> tuple[str, ...]:
        """Types of the instances."""
        return self.resources.types

    def variant(self, model: Model) -> Variant:
        """The variant that holds ``model``."""
        return RealTime(model=model, resources=self.resources, scaling=self.scaling)


class OnDemand(Value):
    """Capacity that comes with requests: serverless inference, outside of the network."""

    memory_mb: int
    """Memory of a container, MB: 1024, 2048, … 6144."""
    max_concurrency: int = Field(ge=1)
    """Requests that are answered at once."""
    provisioned_concurrency: int | None = None
    """Requests at once for which containers are kept warm; None: none."""
    scaling: Scaling | None = None
    """How the provisioned concurrency follows the load; None: it stays."""
    most: Literal[0] = 0
    """Instances in the network: none."""
    types: tuple[()] = ()
    """Types of instances: none."""

    def variant(self, model: Model) -> Variant:
        """The variant that holds ``model``."""
        return Serverless(
            model=model, memory_mb=self.memory_mb, max_concurrency=self.max_concurrency,
            provisioned_concurrency=self.provisioned_concurrency, scaling=self.scaling,
        )  # fmt: skip


class Capture(Value):
    """Requests and answers that are kept, in the artifact bucket below ``captured/``."""

    percentage: int = Field(ge=1, le=100)
    """Share of the requests, per cent."""


class Queue(Value):
    """Requests that wait in a queue, below ``requests/NAME`` of the data bucket, with answers below ``answers/NAME`` of
    the artifact bucket."""

    concurrent_invocations: int | None = Field(default=None, ge=1, le=1000)
    """Requests that one instance works on at once; SageMaker's choice by default."""

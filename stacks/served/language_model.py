"""A pretrained language model."""

from __future__ import annotations

from typing import Self

from constructs import Construct
from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.serving import Endpoint, ServingResources
from constructs_lib.serving.components import ModelComponent, Share
from constructs_lib.serving.models import Engine, LmiModel, Uncompressed
from constructs_lib.serving.scaling import Scaling
from constructs_lib.serving.variants import ComponentHost, ManagedScaling
from constructs_lib.storage.storage import SHARED
from constructs_lib.training import Location
from stacks.served.base import Bound, Command, Platform, Served
from stacks.served.optimized import Optimized


class ServedLanguageModel(Served):
    """A pretrained language model in an LMI image, as an inference component that may scale to zero."""

    prefix: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*[A-Za-z0-9]$", max_length=900)
    """Where its files lie below ``shared/`` of the data bucket, in Hugging Face's format."""
    engine: SerializeAsAny[Engine]
    """What generates."""
    share: Share
    """What one copy takes of an instance."""
    resources: ServingResources
    """The instances that hold the copies."""
    managed: ManagedScaling
    """How the instances follow the copies."""
    scaling: Scaling
    """How the copies follow the load."""
    optimized: Optimized | None = None
    """Another form of the weights, made by a job; None: there is none."""

    @model_validator(mode="after")
    def _check_optimized(self) -> Self:
        if self.optimized is not None:
            self.optimized.check(self.engine, self.resources.types)
        return self

    @property
    def instances(self) -> int:
        return self.managed.maximum + (0 if self.optimized is None else 1)

    @property
    def hired(self) -> dict[str, int]:
        return dict.fromkeys(self.resources.types, self.instances)

    def bind(self, scope: Construct, platform: Platform, *, name: str) -> Bound:
        weights = Location(bucket=platform.storage.data, prefix=f"{SHARED}/{self.prefix}")
        commands: tuple[Command, ...] = ()
        if self.optimized is not None:
            job = self.optimized.bind(
                scope, platform, name=self.name, weights=weights, instance_type=self.resources.instance_type
            )
            does = "Makes the optimised form of the weights, once: later starts find it"
            commands = (Command(name="OptimizeCommand", text=job.start_command, does=does),)
            if self.optimized.served:
                weights = job.result
        model = LmiModel(engine=self.engine, data=Uncompressed(location=weights))
        component = ModelComponent(name=name, model=model, share=self.share, scaling=self.scaling)
        host = ComponentHost(resources=self.resources, components=(component,), managed=self.managed)
        endpoint = Endpoint(
            scope, "Endpoint", name=name, variants=(host,), key=platform.storage.key, network=platform.network,
            rollout=self.rollout,
        )  # fmt: skip
        return Bound(endpoint=endpoint, commands=commands)

"""A pretrained language model."""

from __future__ import annotations

from constructs import Construct
from pydantic import Field, SerializeAsAny

from constructs_lib.serving import Endpoint, ServingResources
from constructs_lib.serving.components import ModelComponent, Share
from constructs_lib.serving.models import Engine, LmiModel, Uncompressed
from constructs_lib.serving.scaling import Scaling
from constructs_lib.serving.variants import ComponentHost, ManagedScaling
from constructs_lib.storage.storage import SHARED
from constructs_lib.training import Location
from stacks.served.base import Platform, Served


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

    @property
    def instances(self) -> int:
        return self.managed.maximum

    def bind(self, scope: Construct, platform: Platform, *, name: str) -> Endpoint:
        weights = Uncompressed(location=Location(bucket=platform.storage.data, prefix=f"{SHARED}/{self.prefix}"))
        component = ModelComponent(
            name=name, model=LmiModel(engine=self.engine, data=weights), share=self.share, scaling=self.scaling
        )
        host = ComponentHost(resources=self.resources, components=(component,), managed=self.managed)
        return Endpoint(
            scope, "Endpoint", name=name, variants=(host,), key=platform.storage.key, network=platform.network,
            rollout=self.rollout,
        )  # fmt: skip

"""Every packed model behind one endpoint."""

from __future__ import annotations

from constructs import Construct

from constructs_lib.serving import Endpoint
from constructs_lib.serving.models import MultiModel
from constructs_lib.training import DeepLearningImage, Location
from ml_contract.images import TRITON
from stacks.served.base import PACKAGES, Platform, Served
from stacks.served.hosting import Instances


class ServedCatalogue(Served):
    """Every packed model of the environment behind one endpoint, loaded when a request names it: a multi-model
    endpoint over ``packages/`` of the artifact bucket."""

    hosting: Instances
    """The instances that share the models."""
    cached: bool = True
    """Whether a model stays loaded after a request."""

    @property
    def instances(self) -> int:
        return self.hosting.most

    def bind(self, scope: Construct, platform: Platform, *, name: str) -> Endpoint:
        models = Location(bucket=platform.storage.artifacts, prefix=PACKAGES)
        model = MultiModel(image=DeepLearningImage(image=TRITON), models=models, cached=self.cached)
        return Endpoint(
            scope, "Endpoint", name=name, variants=(self.hosting.variant(model),), key=platform.storage.key,
            network=platform.network, rollout=self.rollout,
        )  # fmt: skip

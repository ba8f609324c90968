"""Many models behind one endpoint."""

from __future__ import annotations

from constructs import Construct
from pydantic import Field

from constructs_lib.serving import Endpoint
from constructs_lib.serving.models import MultiModel, TritonServer
from constructs_lib.training import DeepLearningImage, Location
from ml_contract.images import TRITON
from stacks.served.base import PACKAGES, Bound, Platform, Served
from stacks.served.hosting import Instances


class ServedCatalogue(Served):
    """Many models behind one endpoint, each loaded when a request names it."""

    prefix: str = Field(default=PACKAGES, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*[A-Za-z0-9]$", max_length=900)
    """Where their archives lie in the artifact bucket; ``packages`` by default, which has every model that a pipeline
    packed."""

    hosting: Instances
    """The instances that share the models."""
    cached: bool = True
    """Whether a model stays loaded after a request."""
    server: TritonServer = TritonServer()
    """How the server starts."""

    @property
    def instances(self) -> int:
        return self.hosting.most

    @property
    def hired(self) -> dict[str, int]:
        return dict.fromkeys(self.hosting.types, self.hosting.most)

    def bind(self, scope: Construct, platform: Platform, *, name: str) -> Bound:
        models = Location(bucket=platform.storage.artifacts, prefix=self.prefix)
        model = MultiModel(image=DeepLearningImage(image=TRITON), models=models, cached=self.cached, server=self.server)
        endpoint = Endpoint(
            scope, "Endpoint", name=name, variants=(self.hosting.variant(model),), key=platform.storage.key,
            network=platform.network, rollout=self.rollout,
        )  # fmt: skip
        return Bound(endpoint=endpoint)

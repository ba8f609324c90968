"""What an environment serves: one value an endpoint, and how each becomes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from constructs import Construct
from pydantic import Field, SerializeAsAny

from constructs_lib.network import Network
from constructs_lib.serving import Asynchronous, DataCapture, Endpoint, PackageParameter, ServingResources
from constructs_lib.serving.components import ModelComponent, Share
from constructs_lib.serving.models import (
    Engine,
    LmiModel,
    Model,
    MultiModel,
    RegisteredModel,
    Uncompressed,
)
from constructs_lib.serving.registry import DeploymentSettings, RegistryDeployment
from constructs_lib.serving.rollout import Rollout
from constructs_lib.serving.scaling import Scaling
from constructs_lib.serving.variants import ComponentHost, ManagedScaling, RealTime, Serverless, Variant
from constructs_lib.storage import Storage
from constructs_lib.storage.storage import SHARED
from constructs_lib.training import ContainerImage, DeepLearningImage, Location
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.images import TRITON
from stacks.workload_training import WorkloadTraining

PACKAGES = "packages"
"""Where packed models lie in the artifact bucket, by workload and execution."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """Where the registered models of a workload come from."""

    group: str
    """Model package group."""
    image: ContainerImage
    """What serves them."""
    archives: Location
    """Where their archives lie."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What endpoints are given by the rest of the environment."""

    network: Network
    storage: Storage
    registered: Mapping[str, Registered]
    """By workload."""


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


class Served(Value):
    """One endpoint of an environment, in a stack of its own."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")
    """Names the stack ``…-serving-NAME`` and the endpoint ``trainyard-ENVIRONMENT-NAME``."""
    rollout: SerializeAsAny[Rollout] | None = None
    """How an update reaches the endpoint, and what takes it back; None: all at once, whatever happens."""

    @property
    def instances(self) -> int:
        """Instances in the network, at most."""
        raise NotImplementedError

    def check(self, trainings: Mapping[str, WorkloadTraining]) -> None:
        """Refuse what the environment's pipelines do not make.

        Args:
            trainings: By workload.

        Raises:
            ContractError: With the field and the way out.
        """

    def bind(self, scope: Construct, platform: Platform, *, name: str) -> Endpoint:
        """Make the endpoint.

        Args:
            scope: The stack.
            platform: What the environment has.
            name: Name of the endpoint.
        """
        raise NotImplementedError


class ServedWorkload(Served):
    """A registered model of one workload. Without one there is a role and nothing else: the stack can be deployed
    before anything was trained."""

    workload: str
    """Name of one of the environment's workloads, for example ``bytes-lm``."""
    hosting: Instances | OnDemand
    """Where it runs."""
    queue: Queue | None = None
    """Whether requests wait in a queue; None: callers wait."""
    capture: Capture | None = None
    """What is kept of requests and answers; None: nothing."""
    on_approval: DeploymentSettings | None = None
    """How a package that is approved reaches the endpoint by itself; None: somebody deploys it."""

    @property
    def instances(self) -> int:
        return self.hosting.most

    def check(self, trainings: Mapping[str, WorkloadTraining]) -> None:
        if self.workload not in trainings:
            reject(
                f"endpoints.{self.name}.workload",
                self.workload,
                f"the environment trains {', '.join(trainings)}",
                "Name one of these.",
            )
        served = trainings[self.workload].packaging.instance_types
        for name in self.hosting.types:
            if name not in served:
                reject(f"endpoints.{self.name}.hosting.resources.instance_type", name,
                       f"the workload's packaging.instance_types are {', '.join(served)}", "Add it there.")  # fmt: skip

    def bind(self, scope: Construct, platform: Platform, *, name: str) -> Endpoint:
        registered, storage = platform.registered[self.workload], platform.storage
        package = PackageParameter(scope, "Package")
        if self.on_approval is not None:
            RegistryDeployment(
                scope, "Approval", group=registered.group, parameter=package.parameter, key=storage.key,
                settings=self.on_approval,
            )  # fmt: skip
        model = RegisteredModel(package=package.arn, image=registered.image, archives=registered.archives)
        capture = queue = None
        if self.capture is not None:
            kept = Location(bucket=storage.artifacts, prefix=f"captured/{self.name}")
            capture = DataCapture(location=kept, percentage=self.capture.percentage)
        if self.queue is not None:
            queue = Asynchronous(
                inputs=Location(bucket=storage.data, prefix=f"requests/{self.name}"),
                outputs=Location(bucket=storage.artifacts, prefix=f"answers/{self.name}"),
                concurrent_invocations=self.queue.concurrent_invocations,
            )
        return Endpoint(
            scope, "Endpoint", name=name, variants=(self.hosting.variant(model),), key=storage.key,
            network=platform.network if self.hosting.most else None, rollout=self.rollout, capture=capture,
            asynchronous=queue, condition=package.given,
        )  # fmt: skip


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

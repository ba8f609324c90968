"""Registered models of a workload."""

from __future__ import annotations

from collections.abc import Mapping

from constructs import Construct

from constructs_lib.serving import Asynchronous, DataCapture, Endpoint, PackageParameter
from constructs_lib.serving.models import RegisteredModel
from constructs_lib.serving.registry import DeploymentSettings, RegistryDeployment
from constructs_lib.training import Location
from ml_contract.errors import reject
from stacks.served.base import Platform, Served
from stacks.served.hosting import Capture, Instances, OnDemand, Queue
from stacks.workload_training import WorkloadTraining


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
        packaging = trainings[self.workload].packaging
        if isinstance(self.hosting, OnDemand) and packaging.on_gpu:
            reject(f"endpoints.{self.name}.hosting", "OnDemand",
                   "serverless capacity has no GPU, and the workload is packed for one",
                   "Pack it with CpuInstances, or take Instances.")  # fmt: skip
        served = packaging.instance_types
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

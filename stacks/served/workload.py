"""Registered models of a workload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct
from pydantic import SerializeAsAny, model_validator

from constructs_lib.serving import Asynchronous, DataCapture, Endpoint, PackageParameter
from constructs_lib.serving.models import RegisteredModel
from constructs_lib.serving.registry import DeploymentSettings, RegistryDeployment
from constructs_lib.training import Location
from ml_contract.errors import reject
from stacks.served.base import Bound, Command, Platform, Served
from stacks.served.hosting import Capture, Instances, OnDemand, Queue
from stacks.served.monitored import Monitored, bind_monitors
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
    monitors: tuple[SerializeAsAny[Monitored], ...] = ()
    """What looks at what is kept, at most one of each kind; none by default."""
    on_approval: DeploymentSettings | None = None
    """How a package that is approved reaches the endpoint by itself; None: somebody deploys it."""

    @model_validator(mode="after")
    def _check_monitors(self) -> Self:
        if not self.monitors:
            return self
        kinds = [monitor.kind for monitor in self.monitors]
        twice = [kind for kind in kinds if kinds.count(kind) > 1]
        if twice:
            reject("monitors", twice[0], "an endpoint has one monitor of each kind", "Keep one of the two.")
        if isinstance(self.hosting, OnDemand):
            reject("monitors", kinds[0], "Model Monitor looks at no serverless endpoint", "Take Instances.")
        if self.queue is not None:
            reject("monitors", kinds[0], "Model Monitor looks at no endpoint with a queue", "Leave queue out.")
        if self.capture is None:
            reject("monitors", kinds[0], "a monitor looks at what is captured, and nothing is",
                   "Give capture=Capture(percentage=…).")  # fmt: skip
        return self

    @property
    def instances(self) -> int:
        return self.hosting.most + sum(monitor.hosts for monitor in self.monitors)

    @property
    def hired(self) -> dict[str, int]:
        found = Counter(dict.fromkeys(self.hosting.types, self.hosting.most))
        for monitor in self.monitors:
            found[monitor.resources.instance_type] += monitor.hosts
        return dict(found)

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

    def bind(self, scope: Construct, platform: Platform, *, name: str) -> Bound:
        registered, storage = platform.registered[self.workload], platform.storage
        package = PackageParameter(scope, "Package")
        starters: list[iam.IRole] = []
        if self.on_approval is not None:
            deployment = RegistryDeployment(
                scope, "Approval", group=registered.group, parameter=package.parameter, key=storage.key,
                settings=self.on_approval,
            )  # fmt: skip
            starters.append(deployment.machine.role)
        model = RegisteredModel(package=package.arn, image=registered.image, archives=registered.archives)
        kept = Location(bucket=storage.artifacts, prefix=f"captured/{self.name}")
        capture = DataCapture(location=kept, percentage=self.capture.percentage) if self.capture else None
        queue = None
        if self.queue is not None:
            queue = Asynchronous(
                inputs=Location(bucket=storage.data, prefix=f"requests/{self.name}"),
                outputs=Location(bucket=storage.artifacts, prefix=f"answers/{self.name}"),
                concurrent_invocations=self.queue.concurrent_invocations,
            )
        endpoint = Endpoint(
            scope, "Endpoint", name=name, variants=(self.hosting.variant(model),), key=storage.key,
            network=platform.network if self.hosting.most else None, rollout=self.rollout, capture=capture,
            asynchronous=queue, condition=package.given,
        )  # fmt: skip
        commands = [_deploy(cdk.Stack.of(scope))]
        if self.monitors:
            commands += bind_monitors(scope, self.monitors, endpoint, platform, name=self.name, captured=kept)
        return Bound(endpoint=endpoint, commands=tuple(commands), starters=tuple(starters))


def _deploy(stack: cdk.Stack) -> Command:
    return Command(
        name="DeployCommand",
        text=f"cdk deploy {stack.node.path} --parameters {stack.stack_name}:ModelPackageArn=ARN",
        does="Serves a package: its ARN is in `aws sagemaker list-model-packages`",
    )

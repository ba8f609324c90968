"""All stacks of one environment, wired by reference."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.network import know_availability_zones
from stacks.adhoc import AdHocStack
from stacks.boundary import BoundaryStack
from stacks.budgets import BudgetsStack
from stacks.cluster import ClusterStack, ControlPlaneStack, FilesStack
from stacks.clusters import ClusterPlatform, EksCluster
from stacks.environment import Environment
from stacks.governance import GovernanceStack
from stacks.guardrails import guard_stage
from stacks.network import NetworkStack
from stacks.observability import ObservabilityStack
from stacks.operation import OperationStack
from stacks.pages import PagesStack
from stacks.served import Platform
from stacks.serving import ServingStack
from stacks.storage import StorageStack
from stacks.tracking import TrackingStack
from stacks.training import TrainingStack


class PlatformStage(cdk.Stage):
    """One environment. ``cdk deploy 'Dev/**'`` deploys it."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, environment.stage, env=environment.target)
        know_availability_zones(self, environment.network.zones)
        self.node.set_context("@aws-cdk/core:bootstrapQualifier", environment.qualifier)
        self.network = NetworkStack(self, "Network", environment=environment)
        self.storage = StorageStack(self, "Storage", environment=environment)
        network, storage = self.network.network, self.storage.storage
        # A weak reference would let these be replaced under the stacks that use them.
        for resource in (*network.made, storage.key):
            cdk.CrossStackReferences.of(resource).produce(cdk.ReferenceStrength.STRONG)
        self.operation = (
            OperationStack(self, environment=environment, settings=environment.operation, storage=storage)
            if environment.operation
            else None
        )
        self.tracking = (
            TrackingStack(self, environment=environment, settings=environment.mlflow, storage=storage)
            if environment.mlflow
            else None
        )
        self.trainings = {
            training.workload: TrainingStack(
                self,
                environment=environment,
                training=training,
                network=network,
                storage=storage,
                mlflow=self.tracking.app.arn if self.tracking else None,
            )
            for training in environment.trainings
        }
        platform = Platform(
            network=network,
            storage=storage,
            registered={workload: stack.registered for workload, stack in self.trainings.items()},
        )
        self.endpoints = {
            served.name: ServingStack(self, environment=environment, served=served, platform=platform)
            for served in environment.endpoints
        }
        self.files = {
            files.name: FilesStack(self, environment=environment, files=files, network=network, storage=storage)
            for files in environment.file_systems
        }
        self.control_planes = {
            cluster.name: ControlPlaneStack(self, environment=environment, cluster=cluster, network=network)
            for cluster in environment.clusters
            if isinstance(cluster, EksCluster)
        }
        self.observability = (
            ObservabilityStack(
                self,
                environment=environment,
                settings=environment.observability,
                notifications=self.operation.notifications if self.operation else None,
            )
            if environment.observability
            else None
        )
        watch = self.observability.watch if self.observability else None
        shared = ClusterPlatform(
            environment=environment.name,
            network=network,
            storage=storage,
            files={name: stack.files for name, stack in self.files.items()},
            control_planes={name: stack.control_plane for name, stack in self.control_planes.items()},
            charts={name: stack.charts for name, stack in self.control_planes.items()},
            watch=watch,
            removal=environment.removal,
        )
        self.clusters = {
            cluster.name: ClusterStack(self, environment=environment, cluster=cluster, platform=shared)
            for cluster in environment.clusters
        }
        self.governance = {
            cluster.name: GovernanceStack(
                self, environment=environment, name=cluster.name, cluster=self.clusters[cluster.name].cluster,
                settings=cluster.governance, watch=watch,
            )
            for cluster in environment.clusters
            if isinstance(cluster, EksCluster) and cluster.governance and watch
        }  # fmt: skip
        for name, stack in self.governance.items():
            # The add-on that keeps quotas is installed there.
            stack.add_stack_dependency(self.clusters[name])
        if self.operation:
            self.operation.watch_pipelines(self.trainings)
            self.operation.watch_endpoints(self.endpoints)
            self.operation.watch_files({name: stack.files for name, stack in self.files.items()})
        if environment.pages:
            PagesStack(
                self, environment=environment, settings=environment.pages, key=storage.key, told=self.operation,
                rollbacks=self.endpoints.values(),
                hosted=[one for stack in self.endpoints.values() for one in stack.endpoint.hosted],
            )  # fmt: skip
        self.budgets = (
            BudgetsStack(
                self, environment=environment, settings=environment.budgets,
                telling=self.operation.telling, starters=self._starters(environment),
            )
            if environment.budgets and self.operation
            else None
        )  # fmt: skip
        if environment.trainings:
            AdHocStack(self, "AdHoc", environment=environment, network=network, storage=storage)
        self.boundary = (
            BoundaryStack(
                self, environment=environment, guardrails=environment.guardrails, network=network, storage=storage
            )
            if environment.guardrails
            else None
        )
        if self.boundary:
            cdk.CrossStackReferences.of(self.boundary.boundary.policy).produce(cdk.ReferenceStrength.STRONG)
            # The network's stack, which comes first, has a boundary of its own, and so have roles that touch IAM.
            own = (self.network, self.budgets)
            self.boundary.boundary.put_on(*(stack for stack in self.node.children if stack not in own))
        guard_stage(self, environment)

    def _starters(self, environment: Environment) -> dict[str, list[iam.IRole]]:
        """Roles that start what costs, by the team that pays."""
        found: dict[str, list[iam.IRole]] = {}
        for training in environment.trainings:
            found.setdefault(training.team or environment.team, []).extend(self.trainings[training.workload].starters)
        for served in environment.endpoints:
            found.setdefault(served.team or environment.team, []).extend(self.endpoints[served.name].starters)
        return found

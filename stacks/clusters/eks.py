"""A cluster that Kubernetes schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import aws_cdk as cdk
from constructs import Construct
from pydantic import SerializeAsAny, model_validator

from constructs_lib.governance import GovernanceSettings
from constructs_lib.hyperpod import HyperPodCluster
from constructs_lib.hyperpod.eks import addons as eks_addons
from constructs_lib.hyperpod.eks.access import Scientist
from constructs_lib.hyperpod.eks.addon import AddOnBinding
from constructs_lib.hyperpod.eks.bundle import ManifestBundle
from constructs_lib.hyperpod.eks.control_plane import ControlPlane, ControlPlaneSettings
from constructs_lib.hyperpod.eks.exporters import REGISTRY, exporters
from constructs_lib.hyperpod.eks.identities import PodIdentity
from constructs_lib.hyperpod.eks.kueue import SharedQueue
from constructs_lib.hyperpod.eks.queue_installation import QueueInstallation
from constructs_lib.hyperpod.eks.scaling import ScaledPool
from constructs_lib.hyperpod.eks.teams import team_role
from constructs_lib.hyperpod.jobs.published import PublishedJob
from constructs_lib.hyperpod.orchestrators.eks import Eks
from constructs_lib.hyperpod.places import admit
from constructs_lib.network import (
    EKS_CLUSTER,
    INFERENCE_OPERATOR,
    LUSTRE_CLIENTS,
    MANAGED_PROMETHEUS,
    NetworkPlan,
    Purpose,
)
from constructs_lib.observability import ManagedCollector
from ml_contract.clusters import jobs
from ml_contract.errors import reject
from ml_contract.images import registry
from stacks.clusters.base import PlatformCluster
from stacks.clusters.claims import FilesClaim
from stacks.clusters.files import SharedFiles
from stacks.clusters.growth import grown
from stacks.clusters.models import ClusterModel, check_models
from stacks.clusters.placements import check_placement
from stacks.clusters.platform import ClusterPlatform
from stacks.clusters.runs import ClusterRun, EksRun, code_of


class EksCluster(PlatformCluster):
    """Nodes of a control plane of its own, with the add-ons that jobs need, and the runs that are published."""

    control_plane: ControlPlaneSettings
    """Version, endpoint and people. It is named as the cluster is."""
    addons: tuple[SerializeAsAny[eks_addons.AddOn], ...]
    """What runs in it beside jobs."""
    governance: GovernanceSettings | None = None
    """Teams and their quotas; None: whoever comes first."""
    queue: SharedQueue | None = None
    """One queue for all jobs, where teams have no quotas; none by default."""
    claims: tuple[FilesClaim, ...] = ()
    """File systems of the environment that pods can mount; none by default."""
    pools: tuple[ScaledPool, ...] = ()
    """What Karpenter may make of the groups that it scales; none by default."""
    models: tuple[ClusterModel, ...] = ()
    """Language models that its nodes serve; none by default."""
    runs: tuple[EksRun, ...] = ()
    """What people submit by name; none by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.control_plane.name != self.name:
            reject("control_plane.name", self.control_plane.name, "control plane and cluster share the name "
                   f"{self.name}", f'Write name="{self.name}".')  # fmt: skip
        eks_addons.check(self.addons)
        if self.governance is not None:
            self.governance.check(self.settings.groups)
            if not any(isinstance(addon, eks_addons.TaskGovernance) for addon in self.addons):
                reject("addons", [addon.name for addon in self.addons], "quotas are kept by the add-on of task "
                       "governance", "Add TaskGovernance(), or leave governance out.")  # fmt: skip
        if self.queue is not None:
            if any(isinstance(addon, eks_addons.TaskGovernance) for addon in self.addons):
                reject("queue", "a shared queue", "task governance brings Kueue too, with queues from quotas",
                       "Leave one of them out.")  # fmt: skip
            self.queue.manifests(self.settings.groups)
        for pool in self.pools:
            pool.check(self.settings)
        self._check_runs()
        for run in self.runs:
            check_placement(f"runs.{run.name}.placement", run.placement, governance=self.governance, queue=self.queue)
            self._check_volumes(run)
            tiered = self.settings.tiered.memory_percent if self.settings.tiered else 0
            if run.tiered_percent != tiered:
                reject(f"runs.{run.name}.tiered_percent", run.tiered_percent,
                       f"the cluster keeps {tiered} % of its nodes' memory", f"Give {tiered}.")  # fmt: skip
        check_models(self.models, self.addons, self.settings.groups, governance=self.governance)
        return self

    def _nodes_for(self, run: ClusterRun) -> tuple[str, int | None]:
        scaled = self.settings.autoscaling.scaled if self.settings.autoscaling else ()
        found = [group for group in self.settings.groups if run.resources.instance_type in group.hosts.types]
        if any(group.name in scaled for group in found):
            return "cluster", None
        return "cluster", sum(group.count for group in found)

    def _check_volumes(self, run: EksRun) -> None:
        """A pod waits for a claim that nobody makes, and its job with it."""
        there = [claim.name for claim in self.claims if claim.namespace == run.placement.namespace]
        for volume in run.volumes:
            if volume.claim not in there:
                reject(f"runs.{run.name}.volumes.{volume.name}", volume.claim,
                       f"the cluster's claims in {run.placement.namespace} are {', '.join(there) or 'none'}",
                       "Add claims=(FilesClaim(…),).")  # fmt: skip

    def check(self, files: Mapping[str, SharedFiles]) -> None:
        super().check(files)
        for claim in self.claims:
            if claim.file_system not in files:
                reject(f"clusters.{self.name}.claims.{claim.name}", claim.file_system,
                       f"the environment has the file systems {', '.join(files) or '(none)'}",
                       "Name one of these, or add it to file_systems.")  # fmt: skip

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        measured = any(isinstance(addon, eks_addons.Observability) for addon in self.addons)
        mounted = any(isinstance(addon, eks_addons.FsxDriver) for addon in self.addons)
        serves = any(isinstance(addon, eks_addons.InferenceOperator) for addon in self.addons)
        further = ((LUSTRE_CLIENTS, mounted), (MANAGED_PROMETHEUS, measured), (INFERENCE_OPERATOR, serves))
        return (*super().purposes, EKS_CLUSTER, *(purpose for purpose, wanted in further if wanted))

    def check_metrics(self, network: NetworkPlan) -> None:
        super().check_metrics(network)
        if any(isinstance(addon, eks_addons.Observability) for addon in self.addons):
            reject(f"clusters.{self.name}.addons", eks_addons.Observability.name,
                   "the environment's own exporters and collector give the same figures, and each sample is paid for",
                   "Leave the add-on out, or the environment's observability.")  # fmt: skip

    def named(self, name: str) -> ControlPlaneSettings:
        """The control plane's settings under the name that it has in the account."""
        return self.control_plane.model_copy(update={"name": name})

    def bind(self, scope: Construct, platform: ClusterPlatform, *, name: str) -> HyperPodCluster:
        control_plane = platform.control_planes[self.name]
        platform.charts[self.name].note.require(cdk.Stack.of(scope))
        orchestrator = Eks(control_plane=control_plane, addons=self.addons)
        places = {place.zone: place for place in self._places(platform.network)}
        admit(grown(self.settings, self.pools), places, "Eks", field=f"clusters.{self.name}.pools")
        cluster = self.make(scope, platform, name=name, orchestrator=orchestrator)
        given = AddOnBinding(
            control_plane=control_plane, network=platform.network, cluster_arn=cluster.arn, key=platform.storage.key,
            removal=platform.removal, weights=platform.storage.data,
            workspace_arn=platform.watch.workspace.arn if platform.watch else None,
        )  # fmt: skip
        orchestrator.install_after(scope, "AddOns", cluster=cluster, binding=given)
        if self.queue is not None:
            QueueInstallation(scope, "Queue", control_plane=control_plane, charts=platform.charts[self.name].charts,
                              queue=self.queue, groups=self.settings.groups)  # fmt: skip
        if platform.watch is not None:
            ManagedCollector(scope, "Collector", cluster=name, eks_arn=control_plane.arn, network=platform.network,
                             workspace=platform.watch.workspace)  # fmt: skip
            stack = cdk.Stack.of(scope)
            copies = f"{registry(stack.account, stack.region)}/{platform.watch.images.namespace}"
            ManifestBundle(scope, "Exporters", control_plane=control_plane, manifests=exporters(self.settings.groups),
                           variables={REGISTRY: copies})  # fmt: skip
        self._publish(scope, platform, control_plane, name)
        for model in self.models:
            model.publish(scope, control_plane=control_plane, storage=platform.storage)
        return cluster

    def _publish(self, scope: Construct, platform: ClusterPlatform, control_plane: ControlPlane, cluster: str) -> None:
        """Jobs where people find them, and what Kubernetes must have before: it has no API that a stack could call."""
        pods: dict[tuple[str, str], PodIdentity] = {}
        code = code_of(scope) if self.runs else None
        for run in self.runs:
            assert code is not None
            job = run.job(code, platform.storage, cluster=self.name)
            who = (job.placement.namespace, job.service_account)
            if who not in pods:
                pods[who] = PodIdentity(scope, f"Pods-{'-'.join(who)}", control_plane=control_plane, namespace=who[0],
                                        service_account=who[1])  # fmt: skip
            job.grant(pods[who].role)
            PublishedJob(scope, f"Job-{run.name}", job=job,
                         parameter=jobs.parameter(platform.environment, cluster, run.name))  # fmt: skip
        teams = [
            name for entry in self.control_plane.access if isinstance(entry, Scientist) for name in entry.namespaces
        ]
        manifests = [
            *(who.manifest() for who in pods.values()),
            *(part for name in dict.fromkeys(teams) for part in team_role(name)),
            *(part for claim in self.claims for part in claim.manifests()),
            *(part for pool in self.pools for part in pool.manifests(self.settings)),
        ]
        if manifests:
            variables = {
                name: value for claim in self.claims for name, value in claim.variables(platform.files).items()
            }
            ManifestBundle(scope, "Manifests", control_plane=control_plane, manifests=manifests, variables=variables)

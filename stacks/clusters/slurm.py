"""A cluster that Slurm schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import aws_cdk as cdk
from constructs import Construct
from pydantic import SerializeAsAny, model_validator

from constructs_lib.hyperpod import Compute, HyperPodCluster, Slurm
from constructs_lib.hyperpod.jobs.published import PublishedJob
from constructs_lib.network import ACCOUNTING, MANAGED_PROMETHEUS, NetworkPlan, Purpose
from constructs_lib.observability import PublishedAgents
from ml_contract.clusters import jobs
from ml_contract.errors import reject
from stacks.clusters.base import PlatformCluster
from stacks.clusters.files import SharedFiles
from stacks.clusters.platform import ClusterPlatform
from stacks.clusters.runs import ClusterRun, SlurmRun, code_of


class SlurmCluster(PlatformCluster):
    """Controller, login nodes and workers, with the runs that are published for them."""

    orchestrator: SerializeAsAny[Slurm]
    """How Slurm is set up, what scripts do on each node, and where accounting is kept."""
    runs: tuple[SlurmRun, ...] = ()
    """What people submit by name; none by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.orchestrator.check(self.settings)
        partitions = {group.duty.partition for group in self.settings.groups if isinstance(group.duty, Compute)}
        for run in self.runs:
            if run.partition not in partitions:
                reject(f"runs.{run.name}.partition", run.partition, f"the cluster has {', '.join(sorted(partitions))}",
                       "Name one of these.")  # fmt: skip
        self._check_runs()
        return self

    def _nodes_for(self, run: ClusterRun) -> tuple[str, int | None]:
        assert isinstance(run, SlurmRun)
        return f"partition {run.partition}", sum(
            group.count
            for group in self.settings.groups
            if isinstance(group.duty, Compute)
            and group.duty.partition == run.partition
            and run.resources.instance_type in group.hosts.types
        )

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        return (*super().purposes, *((ACCOUNTING,) if self.orchestrator.accounting else ()))

    def check_metrics(self, network: NetworkPlan) -> None:
        super().check_metrics(network)
        network.require(MANAGED_PROMETHEUS, f"the agent on each node of {self.name}")

    def check(self, files: Mapping[str, SharedFiles]) -> None:
        super().check(files)
        paths = [mount.path for mount in self.settings.groups[0].mounts]
        for run in self.runs:
            if not any(f"{run.output}/".startswith(f"{path}/") for path in paths):
                reject(f"clusters.{self.name}.runs.{run.name}.output", run.output,
                       f"every node sees {', '.join(paths) or '(no folder)'}", "Take a folder below.")  # fmt: skip

    def bind(self, scope: Construct, platform: ClusterPlatform, *, name: str) -> HyperPodCluster:
        agents, orchestrator = None, self.orchestrator
        if platform.watch is not None:
            platform.watch.images.note.require(cdk.Stack.of(scope))
            path = f"/trainyard/{platform.environment}/clusters/{name}/agents"
            agents = PublishedAgents(scope, "Agents", cluster=name, workspace=platform.watch.workspace, path=path)
            scripts = orchestrator.scripts.measured(path, platform.watch.images.namespace)
            orchestrator = orchestrator.model_copy(update={"scripts": scripts})
        cluster = self.make(scope, platform, name=name, orchestrator=orchestrator)
        if agents is not None:
            # The first node that comes up asks for its configuration.
            cluster.resource.node.add_dependency(agents)
            for role in cluster.roles.values():
                agents.grant(role)
        code = code_of(scope) if self.runs else None
        for run in self.runs:
            assert code is not None
            job = run.job(code, platform.storage, cluster=self.name)
            parameter = jobs.parameter(platform.environment, name, run.name)
            published = PublishedJob(scope, f"Job-{run.name}", job=job, parameter=parameter)
            for group in self.settings.groups:
                role = cluster.roles[group.name]
                if isinstance(group.duty, Compute) and group.duty.partition == run.partition:
                    job.grant(role)
                elif not isinstance(group.duty, Compute):
                    published.grant_read(role)
        return cluster

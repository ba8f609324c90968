"""What an environment may hold: its network, its storage, the pipelines, the endpoints, the clusters."""

from __future__ import annotations

from typing import Self

import aws_cdk as cdk
from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.budgets import CostTags
from constructs_lib.budgets.tags import TEAM_NAME
from constructs_lib.delivery import GitHub
from constructs_lib.guardrails import Guardrails
from constructs_lib.guardrails.usage import check as check_usage
from constructs_lib.network import LUSTRE_CLIENTS, MANAGED_MLFLOW, NetworkPlan
from constructs_lib.storage import StorageSettings
from constructs_lib.training import MlflowSettings, SpotCapacity
from constructs_lib.values import Value
from ml_contract.errors import reject
from stacks.budgeted import Budgets
from stacks.clusters import EksCluster, PlatformCluster, SharedFiles
from stacks.hired import hired
from stacks.operated import Operation
from stacks.paged import Pages
from stacks.served import Served
from stacks.watched import Observability
from stacks.workload_training import WorkloadTraining


class Environment(Value):
    """One environment: an account, a region, and everything that differs from environment to environment."""

    name: str = Field(pattern=r"^[a-z][a-z0-9]{1,15}$")
    """Short name, part of the names of stacks and pipelines."""
    account: str = Field(pattern=r"^[0-9]{12}$")
    """AWS account."""
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")
    """AWS region, for example ``eu-central-1``."""
    protected: bool
    """Whether buckets, keys and logs outlive their stack, and stacks refuse to be deleted."""
    network: SerializeAsAny[NetworkPlan]
    """VPC: one that is made (NetworkSettings), or one that exists (ImportedNetwork)."""
    storage: StorageSettings
    """Buckets."""
    trainings: tuple[WorkloadTraining, ...]
    """Pipelines, one a workload; an environment of clusters alone has none."""
    endpoints: tuple[SerializeAsAny[Served], ...]
    """What is served, each in a stack of its own."""
    file_systems: tuple[SharedFiles, ...] = ()
    """What nodes share, each in a stack of its own; none by default."""
    clusters: tuple[SerializeAsAny[PlatformCluster], ...] = ()
    """HyperPod clusters, each in a stack of its own; none by default."""

    team: str = Field(pattern=TEAM_NAME)
    """Who pays for what belongs to no other team: its tag."""
    budgets: Budgets | None = None
    """What may be spent; None: whatever is."""
    observability: Observability | None = None
    """How clusters are seen; None: by whoever looks."""
    operation: Operation | None = None
    """Who is told what: topics by severity, and alarms; None: nobody is told."""
    mlflow: MlflowSettings | None = None
    """An MLflow in which every pipeline logs that names no tracker of its own; None: none."""
    pages: Pages | None = None
    """Dashboards, saved queries, and an end for logs; None: whoever looks makes his own."""
    guardrails: Guardrails | None = None
    """What no role can pass, whatever it is granted; None: each role what it was granted."""
    qualifier: str = Field(default="hnb659fds", pattern=r"^[a-z0-9]{1,10}$")
    """Of the bootstrap that it is deployed by; by default CDK's own, which all apps of an account share."""
    delivery: GitHub | None = None
    """The pipeline that may deploy it; None: people alone."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [training.workload for training in self.trainings]
        if len(set(names)) < len(names):
            reject("trainings", names, "each workload has one pipeline", "Remove one of the two.")
        self._check_endpoints()
        self._check_clusters()
        hosts = sum(training.resources.hosts + 1 for training in self.trainings)
        serving = sum(served.instances for served in self.endpoints)
        if hosts + serving > self.network.nodes:
            reject("network.nodes", self.network.nodes,
                   f"all trainings, each with a processing host ({hosts}), and serving ({serving}) may run at one time",
                   f"Give at least {hosts + serving}.")  # fmt: skip
        for training in self.trainings:
            if training.resources.efa and not self.network.efa:
                reject("network.efa", self.network.efa,
                       f"the resources of {training.workload} have efa=True and its nodes take five addresses",
                       "Set network.efa=True.")  # fmt: skip
        for zone in self.network.zones:
            if not zone.startswith(self.region):
                reject("network.zones", zone, f"a zone lies in the environment's region {self.region}",
                       f"Write it like {self.region}a.")  # fmt: skip
        if self.operation is not None:
            spot = {one.workload: isinstance(one.capacity, SpotCapacity) for one in self.trainings}
            mirrored = {one.name: one.settings.mirror is not None for one in self.file_systems}
            self.operation.check(spot, [one.name for one in self.endpoints], [one.name for one in self.clusters],
                                 mirrored)  # fmt: skip
        if self.mlflow is not None:
            self.network.require(MANAGED_MLFLOW, "a job that logs to MLflow")
        if self.guardrails is not None:
            check_usage(self.guardrails, self)
        if self.budgets is not None:
            self.budgets.check(self.teams, told=self.operation is not None)
            for quota in self.budgets.teams:
                quota.check(hired(quota.team, self.team, trainings=self.trainings, endpoints=self.endpoints,
                                  clusters=self.clusters))  # fmt: skip
        return self

    def _check_endpoints(self) -> None:
        names = [served.name for served in self.endpoints]
        if len(set(names)) < len(names):
            reject("endpoints", names, "each endpoint has its own name", "Rename one of them.")
        for served in self.endpoints:
            served.check({training.workload: training for training in self.trainings})

    def _check_clusters(self) -> None:
        for field, names in (("file_systems", [one.name for one in self.file_systems]),
                             ("clusters", [one.name for one in self.clusters])):  # fmt: skip
            if len(set(names)) < len(names):
                reject(field, names, "each has its own name", "Rename one of them.")
        for cluster in self.clusters:
            cluster.check({files.name: files for files in self.file_systems})
            if isinstance(cluster, EksCluster) and cluster.governance is not None and self.observability is None:
                reject("observability", None, f"the quotas of {cluster.name} tell somebody when they were changed",
                       "Give Observability(…), or leave governance out.")  # fmt: skip
            for purpose in cluster.purposes:
                self.network.require(purpose, f"the cluster {cluster.name}")
            if self.observability is not None:
                cluster.check_metrics(self.network)
        for files in self.file_systems:
            if files.settings.deployment.efa_enabled:
                self.network.require(LUSTRE_CLIENTS, f"a client of {files.name}")

    def training(self, workload: str) -> WorkloadTraining:
        """The pipeline of a workload."""
        return next(training for training in self.trainings if training.workload == workload)

    @property
    def teams(self) -> tuple[str, ...]:
        """Who pays for something, sorted."""
        owned: tuple[WorkloadTraining | Served | PlatformCluster, ...] = (
            *self.trainings,
            *self.endpoints,
            *self.clusters,
        )
        return tuple(sorted({self.team, *(each.team for each in owned if each.team is not None)}))

    def cost_tags(self, team: str | None = None) -> dict[str, str]:
        """Cost-allocation tags of what a team pays for, by default the environment's own."""
        return CostTags(environment=self.name, team=team or self.team).values

    @property
    def stage(self) -> str:
        """Id of its stage, for example ``Dev`` in ``cdk deploy 'Dev/**'``."""
        return self.name.capitalize()

    @property
    def target(self) -> cdk.Environment:
        """Account and region as CDK wants them."""
        return cdk.Environment(account=self.account, region=self.region)

    @property
    def removal(self) -> cdk.RemovalPolicy:
        """What happens to what holds data."""
        return cdk.RemovalPolicy.RETAIN if self.protected else cdk.RemovalPolicy.DESTROY

    def endpoint_name(self, served: str) -> str:
        """Name of one of its endpoints."""
        return f"trainyard-{self.name}-{served}"

    @property
    def namespace(self) -> str:
        """What the names of repositories in the account's registry start with."""
        return f"trainyard-{self.name}"

    def cluster_name(self, cluster: str) -> str:
        """Name of one of its clusters."""
        return f"trainyard-{self.name}-{cluster}"

    def stack_name(self, part: str) -> str:
        """Name of one of its stacks."""
        return f"trainyard-{self.name}-{part}"

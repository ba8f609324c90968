"""What every cluster of an environment has in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from constructs import Construct
from pydantic import Field, SerializeAsAny

from constructs_lib.budgets.tags import TEAM_NAME
from constructs_lib.hyperpod import ClusterSettings, HyperPodCluster
from constructs_lib.hyperpod.attachments import alarms_of
from constructs_lib.hyperpod.duties import LONGEST_NAME
from constructs_lib.hyperpod.orchestrators import Orchestrator
from constructs_lib.network import HYPERPOD, Network, NetworkPlan, Place, Purpose
from constructs_lib.values import Value
from ml_contract.errors import reject
from stacks.clusters.files import SharedFiles
from stacks.clusters.platform import ClusterPlatform, place
from stacks.clusters.runs import ClusterRun
from stacks.clusters.spares import Spares


class PlatformCluster(Value):
    """One cluster of an environment, in a stack of its own."""

    settings: ClusterSettings
    """Its groups. Its name names the stack ``…-cluster-NAME``, and the cluster ``trainyard-ENVIRONMENT-NAME``."""
    subnet: str
    """Where its nodes are, by the name in ``network.clusters``."""
    team: str | None = Field(default=None, pattern=TEAM_NAME)
    """The team that pays for it; the environment's by default. What teams have of one cluster is its governance's."""
    further_subnets: tuple[str, ...] = ()
    """Where groups of other zones are, at most one a zone; none by default."""
    alarms: dict[str, str] = Field(default_factory=dict)
    """CloudWatch alarms that take an update of nodes back: names in the account, by the names in the groups' patching;
    none by default."""
    spares: SerializeAsAny[Spares]
    """What a run that loses a node finds beside its own: EnoughSpares(…), or NoSpares(), which lets it wait."""
    runs: tuple[SerializeAsAny[ClusterRun], ...] = ()
    """What people submit by name; none by default."""

    @property
    def name(self) -> str:
        """Its name within the environment."""
        return self.settings.name

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """What the network must reach for it."""
        return (HYPERPOD,)

    def check_metrics(self, network: NetworkPlan) -> None:
        """Refuse what stands in the way of the environment's metrics.

        Args:
            network: The environment's.

        Raises:
            ContractError: With the field and the way out.
        """

    def check(self, files: Mapping[str, SharedFiles]) -> None:
        """Refuse what the environment does not have.

        Args:
            files: File systems, by name.

        Raises:
            ContractError: With the field and the way out.
        """
        watched = {name for group in self.settings.groups for name in alarms_of(group)}
        for name in sorted(self.alarms.keys() - watched):
            reject(f"clusters.{self.name}.alarms", name, f"its groups watch {', '.join(sorted(watched)) or 'none'}",
                   "Name it in the Rolling(alarms=…) of a group, or leave it out.")  # fmt: skip
        for name in sorted(watched - self.alarms.keys()):
            reject(f"clusters.{self.name}.alarms", sorted(self.alarms), f"a group watches {name}",
                   f'Write alarms={{"{name}": …}} with the name of the alarm in CloudWatch.')  # fmt: skip
        for group in self.settings.groups:
            for mount in group.mounts:
                if mount.file_system not in files:
                    reject(f"clusters.{self.name}.groups.{group.name}.mounts", mount.file_system,
                           f"the environment has the file systems {', '.join(files) or '(none)'}",
                           "Name one of these, or add it to file_systems.")  # fmt: skip
                found = files[mount.file_system]
                if found.settings.deployment.efa_enabled and found.subnet != self.subnet:
                    # "Working with EFA-enabled file systems": the zone and the /16 of its clients, read 2026-11-22.
                    reject(f"file_systems.{found.name}.subnet", found.subnet,
                           f"EFA wants its servers in the zone and the block of the nodes of {self.name}",
                           f'Write subnet="{self.subnet}".')  # fmt: skip

    def _check_runs(self) -> None:
        """Refuse runs of one name, and those for which the cluster is too small."""
        names = [run.name for run in self.runs]
        if len(set(names)) < len(names):
            reject("runs", names, "each run has its own name", "Rename one of them.")
        for run in self.runs:
            field, nodes, kind = f"runs.{run.name}.resources", run.resources.instance_count, run.resources.instance_type
            where, there = self._nodes_for(run)
            if there is None:
                continue
            if nodes > there:
                reject(field, f"{nodes} × {kind}", f"the {where} has {there} of them",
                       "Take fewer, or let a group grow.")  # fmt: skip
            self.spares.check(field, nodes=nodes, there=there, of=str(kind))

    @abstractmethod
    def _nodes_for(self, run: ClusterRun) -> tuple[str, int | None]:
        """What a run chooses its nodes from, in a word, and how many of its type that has; None: as many as it asks
        for."""

    def make(
        self, scope: Construct, platform: ClusterPlatform, *, name: str, orchestrator: Orchestrator
    ) -> HyperPodCluster:
        """The cluster itself, with the key of what its orchestrator keeps.

        Args:
            scope: The stack.
            platform: What the environment has.
            name: Name of the cluster.
            orchestrator: What gives work to its nodes.
        """
        if len(name) > LONGEST_NAME:
            reject(f"clusters.{self.name}.settings.name", self.name,
                   f"HyperPod's names have {LONGEST_NAME} characters at most, and in the account it is {name}",
                   f"Shorten it by {len(name) - LONGEST_NAME}.")  # fmt: skip
        # Of its own: the database's secret of a Slurm cluster names the controller's role in the key's policy.
        key = kms.Key(scope, "Key", enable_key_rotation=True, removal_policy=platform.removal,
                      description=f"What {name} keeps beside its nodes")  # fmt: skip
        return HyperPodCluster(
            scope,
            "Cluster",
            settings=self.settings.model_copy(update={"name": name}),
            orchestrator=orchestrator,
            network=platform.network,
            key=key,
            removal=platform.removal,
            places=self._places(platform.network),
            file_systems=platform.lustre(self.settings),
            alarms={
                name: cloudwatch.Alarm.from_alarm_name(scope, f"Alarm-{name}", alarm)
                for name, alarm in self.alarms.items()
            },
        )

    def _places(self, network: Network) -> list[Place]:
        """Where its nodes are."""
        named = [("subnet", self.subnet)]
        named += [(f"further_subnets.{number}", subnet) for number, subnet in enumerate(self.further_subnets)]
        return [place(network, subnet, field=f"clusters.{self.name}.{field}") for field, subnet in named]

    @abstractmethod
    def bind(self, scope: Construct, platform: ClusterPlatform, *, name: str) -> HyperPodCluster:
        """Make the cluster and publish its jobs.

        Args:
            scope: The stack.
            platform: What the environment has.
            name: Name of the cluster.
        """

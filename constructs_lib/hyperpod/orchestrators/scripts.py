"""The scripts of a Slurm node, and what they are told: the same objects that describe the cluster."""

from __future__ import annotations

from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.hyperpod.duties import SlurmDuty
from constructs_lib.hyperpod.lifecycle import Event, Lifecycle
from constructs_lib.hyperpod.orchestrators.base import ClusterBinding
from constructs_lib.hyperpod.settings import ClusterSettings
from constructs_lib.hyperpod.storage import FileSystem
from constructs_lib.training.code import package_folder
from constructs_lib.training.image import grant_pull
from constructs_lib.values import Value
from ml_contract.clusters.exporters import Agent, AgentImage, Exporter, ExporterImage
from ml_contract.clusters.groups import Host, NodeGroup
from ml_contract.clusters.lifecycle import LifecycleConfiguration
from ml_contract.clusters.metric_images import AGENT, DCGM_EXPORTER, NODE_EXPORTER
from ml_contract.clusters.mounts import MountedByHyperPod, Scratch
from ml_contract.clusters.nodes import NodeType
from ml_contract.clusters.people import Directory, People
from ml_contract.clusters.places import ENTRY, LIFECYCLE_CONFIGURATION
from ml_contract.clusters.software import Account, Containers, Slurm
from ml_contract.errors import reject

PACKAGE = "cluster_code"
_NODE_TYPES: dict[str, NodeType] = {"Controller": "controller", "Login": "login", "Compute": "compute"}
_DAEMONS: dict[Event, Literal["started-here", "started-before"]] = {
    "OnCreate": "started-here", "OnInitComplete": "started-before",
}  # fmt: skip


class NodeScripts(Value):
    """What this project's scripts do on a node, beside HyperPod's image and agent."""

    event: Event
    """``OnInitComplete``: HyperPod starts Slurm, then they run. ``OnCreate``: they start Slurm themselves."""
    logins: Literal["anyone", "with-job"]
    """Who may enter a compute node over SSH: every user, or admins and users with a job there."""
    users: People | None = None
    """Users beside those of the image; by default people come by Session Manager alone."""
    accounts: tuple[Account, ...] = ()
    """Accounts and their members; none by default, then Slurm's own default stands."""
    scratch: Scratch | None = None
    """The compute nodes' own disk, which must be there; not looked at by default."""
    containers: Containers | None = None
    """Containers in jobs, by Enroot and Pyxis; none by default."""
    exporters: tuple[Exporter, ...] = ()
    """What Prometheus reads; nothing by default, and what ``measured`` gives in an environment with metrics."""
    agent: Agent | None = None
    """What sends on what they say; as the exporters."""

    def measured(self, parameters: str, namespace: str) -> NodeScripts:
        """These scripts with exporters and an agent, the released ones where they name none.

        Args:
            parameters: What the names of the agents' configurations start with. ``PublishedAgents`` writes them, and
                grants the reading of them.
            namespace: Of the repositories that ``MetricImages`` made.
        """
        released = (ExporterImage(name="node", image=NODE_EXPORTER.copy(namespace)),
                    ExporterImage(name="dcgm", image=DCGM_EXPORTER.copy(namespace)))  # fmt: skip
        agent = self.agent or AgentImage(parameters=parameters, image=AGENT.copy(namespace))
        return self.model_copy(update={"exporters": self.exporters or released, "agent": agent})

    def check(self, settings: ClusterSettings) -> None:
        """Refuse what the scripts cannot do.

        Raises:
            ContractError: With the field and the way out.
        """
        first, *others = settings.groups
        for group in others:
            if group.mounts != first.mounts:
                reject(f"groups.{group.name}.mounts", [mount.path for mount in group.mounts],
                       f"homes and caches are the same on every node, and {first.name} mounts "
                       f"{[mount.path for mount in first.mounts]}", "Mount the same in all groups.")  # fmt: skip
        self.document(settings, {})

    def document(self, settings: ClusterSettings, file_systems: dict[str, FileSystem]) -> LifecycleConfiguration:
        """What the scripts are told.

        Args:
            settings: The cluster.
            file_systems: What is mounted, by name; one that is missing is taken for one without EFA.

        Raises:
            ContractError: The parts do not go together.
        """
        groups = []
        for group in settings.groups:
            assert isinstance(group.duty, SlurmDuty)
            efa = group.duty.node_type == "Compute" and group.interface is not None
            groups.append(
                NodeGroup(
                    name=group.name,
                    node_type=_NODE_TYPES[group.duty.node_type],
                    hosts=tuple(Host.of(name, efa=efa) for name in group.hosts.types),
                )
            )
        return LifecycleConfiguration(
            cluster=settings.name,
            groups=tuple(groups),
            slurm=Slurm(daemons=_DAEMONS[self.event], logins=self.logins, accounts=self.accounts),
            users=self.users,
            mounts=tuple(
                MountedByHyperPod(
                    path=mount.path,
                    efa=mount.file_system in file_systems and file_systems[mount.file_system].efa_zone is not None,
                )
                for mount in settings.groups[0].mounts
            ),
            scratch=self.scratch,
            containers=self.containers,
            exporters=self.exporters,
            agent=self.agent,
        )

    def bind(self, scope: Construct, binding: ClusterBinding, files: dict[str, str]) -> Lifecycle:
        """Publish the scripts and the document.

        Args:
            scope: Parent.
            binding: The cluster.
            files: Further files, contents by name.

        Raises:
            ContractError: The package of the scripts is not installed.
        """
        document = self.document(binding.settings, dict(binding.file_systems))
        for role in binding.roles.values():
            self._grant(role)
        return Lifecycle(
            scope,
            "Lifecycle",
            folder=package_folder(PACKAGE) / "lifecycle",
            entry=ENTRY,
            event=self.event,
            generated={LIFECYCLE_CONFIGURATION: document.to_text(), **files},
        )

    def _grant(self, role: iam.Role) -> None:
        for one in (*self.exporters, self.agent):
            if isinstance(one, ExporterImage | AgentImage):
                _grant_image(role, one.image)
        if not isinstance(self.users, Directory):
            return
        stack, secret = cdk.Stack.of(role), self.users.secret
        # A name stands for an ARN that ends with six characters of its own.
        own = f"arn:{stack.partition}:secretsmanager:{stack.region}:{stack.account}:secret:{secret}-??????"
        arn = secret if secret.startswith("arn:") else own
        role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[arn]))


def _grant_image(role: iam.Role, image: str) -> None:
    host, _, name = image.partition("@")[0].partition("/")
    account, _, _, region, *_ = host.split(".")
    stack = cdk.Stack.of(role)
    own = {"{account}": stack.account, "{region}": stack.region}
    grant_pull(role, own.get(account, account), own.get(region, region), name)

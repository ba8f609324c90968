"""Slurm, which HyperPod's image brings and its agent sets up.

Sources, read 2026-11-22: "SageMaker HyperPod Slurm configuration" (SageMaker HyperPod references) and "Continuous
provisioning for enhanced cluster operations with Slurm", SageMaker AI Developer Guide: one group of one controller, at
most one login group; with continuous provisioning slurm.conf is merged, a strategy is refused, and
provisioning_parameters.json is not read. "Update your AMI version", "Spot instances" and "Managed tiered
checkpointing": batches, spot and checkpoints in memory are EKS's.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

from constructs import Construct

from constructs_lib.hyperpod.accounting import AccountingDatabase
from constructs_lib.hyperpod.capacity import Spot
from constructs_lib.hyperpod.duties import Compute, Controller, Login, SlurmDuty
from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.hyperpod.lifecycle import Event
from constructs_lib.hyperpod.orchestrators.base import ClusterBinding, Orchestrator, OrchestratorConfig
from constructs_lib.hyperpod.orchestrators.scripts import NodeScripts
from constructs_lib.hyperpod.settings import ClusterSettings
from constructs_lib.values import Value
from ml_contract.clusters.provisioning import ProvisioningParameters, WorkerGroup
from ml_contract.errors import reject


class SlurmConfiguration(Value):
    """How HyperPod learns which group is what."""

    events: ClassVar[frozenset[Event]]
    """When scripts may run."""

    @abstractmethod
    def check(self, settings: ClusterSettings, /) -> None:
        """Refuse what HyperPod would refuse.

        Raises:
            ContractError: With the field and the way out.
        """

    @abstractmethod
    def render(self) -> dict[str, Any] | None:
        """``Orchestrator.Slurm``, by the names of CDK; None: the property is left out."""

    def render_group(self, group: InstanceGroup, /) -> dict[str, Any]:
        """What the group's duty adds to its properties."""
        return group.duty.render()

    def files(self, settings: ClusterSettings, /) -> dict[str, str]:  # noqa: ARG002
        """Files beside the scripts, contents by name."""
        return {}


class ByApi(SlurmConfiguration):
    """The groups themselves say it; AWS's own advice for new clusters."""

    events: ClassVar[frozenset[Event]] = frozenset({"OnCreate", "OnInitComplete"})

    strategy: Literal["Overwrite", "Merge"] | None
    """What an update of the cluster does with changes in slurm.conf: it discards them, or keeps them. None: it keeps
    them, and continuous provisioning knows nothing else. HyperPod's third, Managed, fails on them, and every node's
    scripts add a line of their own."""

    def check(self, settings: ClusterSettings, /) -> None:
        if settings.provisioning == "Continuous" and self.strategy is not None:
            reject("configuration.strategy", self.strategy,
                   "with continuous provisioning slurm.conf is always merged, and HyperPod refuses a strategy",
                   "Give None.")  # fmt: skip
        if settings.provisioning != "Continuous" and self.strategy is None:
            reject("configuration.strategy", None,
                   "HyperPod would take Managed, which fails on the line that the scripts add",
                   "Give Overwrite or Merge.")  # fmt: skip

    def render(self) -> dict[str, Any]:
        return {"slurmConfigStrategy": self.strategy} if self.strategy else {}


class ByFile(SlurmConfiguration):
    """The older way: ``provisioning_parameters.json`` beside the scripts, from the same groups.

    HyperPod refuses scripts with the file where the API describes Slurm too.
    """

    events: ClassVar[frozenset[Event]] = frozenset({"OnCreate"})

    def check(self, settings: ClusterSettings, /) -> None:
        if settings.provisioning == "Continuous":
            reject("configuration", type(self).__name__, "continuous provisioning does not read the file",
                   "Take ByApi(strategy=None).")  # fmt: skip
        for group in settings.groups:
            if group.mounts:
                reject(f"groups.{group.name}.mounts", [mount.path for mount in group.mounts],
                       "HyperPod mounts file systems of clusters that the API describes, and this one a file does",
                       "Take ByApi, or mount them in a script.")  # fmt: skip

    def render(self) -> None:
        return None

    def render_group(self, _group: InstanceGroup, /) -> dict[str, Any]:
        return {}

    def files(self, settings: ClusterSettings, /) -> dict[str, str]:
        named = {kind: [group.name for group in settings.groups if isinstance(group.duty, kind)]
                 for kind in (Controller, Login)}  # fmt: skip
        document = ProvisioningParameters(
            controller_group=named[Controller][0],
            login_group=next(iter(named[Login]), None),
            worker_groups=tuple(
                WorkerGroup(instance_group_name=group.name, partition_name=group.duty.partition)
                for group in settings.groups
                if isinstance(group.duty, Compute)
            ),
        )
        return {"provisioning_parameters.json": document.to_text()}


class Slurm(Orchestrator):
    """A cluster that Slurm schedules."""

    kind: ClassVar[Literal["Slurm", "Eks"]] = "Slurm"

    configuration: SlurmConfiguration
    """How HyperPod learns which group is what."""
    scripts: NodeScripts
    """What runs on every instance when it is made."""
    accounting: AccountingDatabase | None
    """Where slurmdbd keeps jobs; None: on the controller, and lost with it."""

    def check(self, settings: ClusterSettings) -> None:
        super().check(settings)
        self._check_duties(settings)
        for wrong, field, value, rule, way_out in (
            (settings.tiered is not None, "tiered", "TieredCheckpoints", "checkpoints in memory are EKS's",
             "Leave it out, or take EKS."),
            (self.accounting is not None and settings.provisioning != "Continuous", "provisioning",
             settings.provisioning, "an accounting database stands on continuous provisioning",
             'Take provisioning="Continuous", or accounting=None.'),
            (self.scripts.event not in self.configuration.events, "scripts.event", self.scripts.event,
             "scripts that start Slurm from a file run instead of the image's own", 'Take event="OnCreate".'),
        ):  # fmt: skip
            if wrong:
                reject(field, value, rule, way_out)
        for group in settings.groups:
            if isinstance(group.capacity, Spot):
                reject(f"groups.{group.name}.capacity", "Spot", "HyperPod has spot instances on EKS alone",
                       "Take OnDemand or TrainingPlan.")  # fmt: skip
            if group.patching is not None and group.patching.batches is not None:
                reject(f"groups.{group.name}.patching.rolling", "Rolling", "HyperPod updates in batches on EKS alone",
                       "Leave rolling out, or take WhenIdle.")  # fmt: skip
        self.configuration.check(settings)
        self.scripts.check(settings)

    def _check_duties(self, settings: ClusterSettings) -> None:
        by_type: dict[str, list[InstanceGroup]] = {"Controller": [], "Login": [], "Compute": []}
        for group in settings.groups:
            assert isinstance(group.duty, SlurmDuty)
            by_type[group.duty.node_type].append(group)
        controllers, logins = by_type["Controller"], by_type["Login"]
        if len(controllers) != 1:
            reject("groups.duty", [group.name for group in controllers],
                   "a cluster has one group with duty=Controller()", "Give exactly one group that duty.")  # fmt: skip
        (controller,) = controllers
        if controller.count != 1:
            reject(f"groups.{controller.name}.count", controller.count, "there is one controller", "Give count=1.")
        if len(controller.hosts.types) > 1:
            reject(f"groups.{controller.name}.hosts", controller.hosts.types, "the controller's type is known",
                   "Take OneType.")  # fmt: skip
        if len(logins) > 1:
            reject("groups.duty", [group.name for group in logins], "at most one group has duty=Login()",
                   "Put the login nodes into one group.")  # fmt: skip
        if not by_type["Compute"]:
            reject("groups.duty", [group.name for group in settings.groups], "nothing would run a job",
                   'Give a group duty=Compute(partition="train").')  # fmt: skip

    def render_group(self, group: InstanceGroup) -> dict[str, Any]:
        return self.configuration.render_group(group)

    def bind(self, scope: Construct, binding: ClusterBinding) -> OrchestratorConfig:
        settings = binding.settings
        lifecycle = self.scripts.bind(scope, binding, self.configuration.files(settings))
        rendered = self.configuration.render()
        if rendered is None or self.accounting is None:
            orchestrator = None if rendered is None else {"slurm": rendered}
            return OrchestratorConfig(orchestrator=orchestrator, lifecycle=lifecycle)
        database = self.accounting.bind(scope, network=binding.network, clients=binding.group, key=binding.key,
                                        removal=binding.removal)  # fmt: skip
        (controller,) = (group.name for group in settings.groups if isinstance(group.duty, Controller))
        database.grant_connect(binding.roles[controller])
        return OrchestratorConfig(
            orchestrator={"slurm": {**rendered, "accountingDatabase": database.render()}},
            lifecycle=lifecycle,
            after=database.after,
        )

"""A HyperPod cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.hyperpod import attachments, roles
from constructs_lib.hyperpod.access import grant_describe, grant_sessions
from constructs_lib.hyperpod.autoscaling import scaling_role
from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.hyperpod.orchestrators.base import ClusterBinding, Orchestrator, OrchestratorConfig
from constructs_lib.hyperpod.places import admit, choose
from constructs_lib.hyperpod.settings import ClusterSettings
from constructs_lib.hyperpod.storage import FileSystem, volume_keys, volumes
from constructs_lib.network import Network, Place
from constructs_lib.training.roles import after_policies
from ml_contract.errors import reject

RELEASE = cdk.Acknowledgment(
    id="CloudFormation-Validate::F3002",
    reason="CloudFormation's registry has ImageReleaseVersion, and the schema within aws-cdk-lib 2.275.0 not yet",
)


class HyperPodCluster(Construct):
    """Roles, keys of volumes, the cluster, and what its orchestrator needs.

    The cluster comes after its roles with their policies, and after subnets and groups: deletion goes the other way,
    and HyperPod takes interfaces away as the instances' roles. A role that went first leaves it ``Deleting`` for ever.
    """

    name: str
    """Name of the cluster, known at synth."""
    resource: sagemaker.CfnCluster
    roles: Mapping[str, iam.Role]
    """Role of each group's instances, by the group's name."""
    keys: Mapping[str, kms.Key]
    """Key of each group's volumes, by the group's name; none where AWS owns them."""
    config: OrchestratorConfig
    """What its orchestrator gave."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: ClusterSettings,
        orchestrator: Orchestrator,
        network: Network,
        key: kms.IKey,
        removal: cdk.RemovalPolicy,
        places: Sequence[Place] = (),
        file_systems: Mapping[str, FileSystem] | None = None,
        alarms: Mapping[str, cloudwatch.IAlarm] | None = None,
    ) -> None:
        """Build the cluster.

        With continuous provisioning each group's volumes have a key of their own, as AWS advises: one that was shared
        would let a group go on after its own grant was revoked. Otherwise HyperPod takes none but AWS's.

        Args:
            scope: Parent.
            construct_id: Construct id.
            settings: Groups, and how they are kept whole.
            orchestrator: What gives work to the instances.
            network: Where they are; it has a subnet in each of their zones.
            key: Key of what the orchestrator keeps.
            removal: What happens to keys and to what the orchestrator keeps when the stack goes.
            places: Subnets of its nodes, at most one a zone; by default the network's, where a zone has one.
            file_systems: What groups mount, by the names in their mounts. None by default.
            alarms: What takes updates back, by the names in the groups' patching. None by default.

        Raises:
            ContractError: The parts do not go together.
        """
        super().__init__(scope, construct_id)
        orchestrator.check(settings)
        self.name, self.settings, self._network = settings.name, settings, network
        self._file_systems, self._alarms = dict(file_systems or {}), dict(alarms or {})
        self._pods = orchestrator.kind == "Eks"
        attachments.check(settings, self._file_systems, self._alarms)
        self._places = choose(settings, network, places)
        admit(settings, self._places, orchestrator.kind)
        self._below = {group.name: Construct(self, group.name) for group in settings.groups}
        self.keys = volume_keys(self._below, removal) if settings.provisioning == "Continuous" else {}
        self.roles = {group.name: self._role(group) for group in settings.groups}
        self.config = orchestrator.bind(
            self,
            ClusterBinding(settings=settings, roles=self.roles, network=network, group=network.nodes, key=key,
                           file_systems=self._file_systems, removal=removal),
        )  # fmt: skip
        if self.config.lifecycle is not None:
            for role in self.roles.values():
                self.config.lifecycle.grant_read(role)
        scaling = scaling_role(self, "ScalingRole", list(self.keys.values())) if settings.autoscaling else None
        self.resource = self._cluster(orchestrator, scaling)
        after_policies(self.resource, *self.roles.values(), *([scaling] if scaling else []))
        # Endpoints too: the first thing that an instance does is to fetch its scripts.
        watched = {name for group in settings.groups for name in attachments.alarms_of(group)}
        for before in (network, *self.config.after, *(self._alarms[name] for name in sorted(watched))):
            self.resource.node.add_dependency(before)

    @property
    def arn(self) -> str:
        return self.resource.attr_cluster_arn

    @property
    def id(self) -> str:
        """Last part of the ARN, by which logs and sessions name the cluster."""
        return cdk.Fn.select(1, cdk.Fn.split("/", self.arn))

    def grant_sessions(self, identity: iam.IGrantable) -> None:
        """Let ``identity`` open shells on all instances, and find them.

        Raises:
            ContractError: It is a role of this cluster's instances.
        """
        self.grant_describe(identity)
        grant_sessions(identity, self.resource)

    def grant_describe(self, identity: iam.IGrantable) -> None:
        """Let ``identity`` see the cluster, its nodes and its events.

        Raises:
            ContractError: It is a role of this cluster's instances.
        """
        for name, role in self.roles.items():
            if identity is role:
                reject("identity", name, "the cluster waits for the roles of its instances, and they would for it",
                       "Give the instances a right that names no id: roles[…].add_to_policy.")  # fmt: skip
        grant_describe(identity, self.resource)

    def _role(self, group: InstanceGroup) -> iam.Role:
        role = roles.node_role(self._below[group.name], "Role", f"Instances of {self.name}/{group.name}")
        roles.grant_node(role, self.name)
        roles.grant_interfaces(
            role, [self._places[self.settings.zone_of(group)].subnet], [self._network.nodes], pods=self._pods
        )
        if self._pods:
            roles.grant_pods(role)
        if group.name in self.keys:
            roles.grant_volumes(role, self.keys[group.name])
        if any(self._file_systems[mount.file_system].efa_zone for mount in group.mounts):
            roles.grant_look_at_file_systems(role)
        if watched := attachments.alarms_of(group):
            roles.grant_look_at_alarms(role, [self._alarms[name].alarm_arn for name in watched])
        return role

    def _cluster(self, orchestrator: Orchestrator, scaling: iam.Role | None) -> sagemaker.CfnCluster:
        given: dict[str, Any] = self.settings.render()
        if scaling is not None:
            given["cluster_role"] = scaling.role_arn
        if self.config.orchestrator is not None:
            given["orchestrator"] = self.config.orchestrator
        cluster = sagemaker.CfnCluster(
            self,
            "Cluster",
            vpc_config=self._place(self.settings.zone),
            instance_groups=[self._rendered(group, orchestrator) for group in self.settings.groups],
            **given,
        )
        if any(group.release for group in self.settings.groups):
            cdk.Validations.of(cluster).acknowledge(RELEASE)
        if self.config.lifecycle is not None:
            # `cdk gc` keeps an object of the assets' bucket whose name it finds in a template.
            cluster.add_metadata("trainyard:lifecycle", list(self.config.lifecycle.keys))
        return cluster

    def _place(self, zone: str) -> dict[str, list[str]]:
        return {
            "securityGroupIds": [self._network.nodes.security_group_id],
            "subnets": [self._places[zone].subnet.subnet_id],
        }

    def _rendered(
        self, group: InstanceGroup, orchestrator: Orchestrator
    ) -> sagemaker.CfnCluster.ClusterInstanceGroupProperty:
        key = self.keys.get(group.name)
        mounts = [self._file_systems[mount.file_system].render(mount.path) for mount in group.mounts]
        storage = [*volumes(volume_gib=group.volume_gib, key_arn=key.key_arn if key else None), *mounts]
        names = {name: self._alarms[name].alarm_name for name in attachments.alarms_of(group)}
        return sagemaker.CfnCluster.ClusterInstanceGroupProperty(
            execution_role=self.roles[group.name].role_arn,
            life_cycle_config=self.config.lifecycle.render() if self.config.lifecycle else None,
            instance_storage_configs=storage or None,
            override_vpc_config=self._place(group.zone) if group.zone else None,
            **group.render(),
            **orchestrator.render_group(group),
            **(group.patching.render(names) if group.patching else {}),
        )

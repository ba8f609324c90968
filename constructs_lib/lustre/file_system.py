"""FSx for Lustre: the file system that nodes of a cluster, and jobs, share.

Source: "Working with EFA-enabled file systems" (the zone and the /16 of the nodes), FSx for Lustre User Guide, read
2026-11-22. CloudFormation has no property for root squash: ``aws fsx update-file-system`` sets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_fsx as fsx
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_lib.lustre.links import link, mirror_log
from constructs_lib.lustre.reach import Reach
from constructs_lib.lustre.settings import Backups, LustreSettings
from constructs_lib.network import Network, Place
from constructs_lib.training.channels import FileSystem, FileSystemChannel
from ml_contract.errors import reject


class LustreFileSystem(Construct):
    """A file system, its group, and what it mirrors."""

    settings: LustreSettings
    file_system: fsx.CfnFileSystem
    group: ec2.SecurityGroup
    """Group of its servers."""
    log: logs.LogGroup | None
    """Imports and exports that failed, and nothing else; None without a mirror."""
    place: Place
    """Where they stand: clients of an EFA-enabled file system stand there too."""
    efa_enabled: bool
    """Whether clients reach it by Elastic Fabric Adapters."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: LustreSettings,
        network: Network,
        place: Place,
        key: kms.Key | None,
        buckets: Mapping[str, s3.IBucket],
        removal: cdk.RemovalPolicy,
    ) -> None:
        """Build the file system.

        Args:
            scope: Parent, a stack that outlives its clients'.
            construct_id: Construct id.
            settings: What it is made of, and what it mirrors.
            network: Whose nodes mount it.
            place: A subnet of the network, in the zone of the nodes: ``network.clusters["Slurm"]``, or one of
                ``network.jobs``.
            key: Key of its data and its log; None for ``Scratch2`` without a mirror, which AWS encrypts with its own.
            buckets: Buckets by the names that the repositories of ``settings.mirror`` give them.
            removal: What happens to data and log when the stack goes.

        Raises:
            ContractError: The place is none of the network's, or too small; key or bucket is missing, or too much.
        """
        super().__init__(scope, construct_id)
        _check(settings, network, place, key, buckets)
        self.settings, self.place, self.efa_enabled = settings, place, settings.deployment.efa_enabled
        self._reach = Reach(self, vpc=network.vpc, efa_enabled=self.efa_enabled)
        self.group = self._reach.group
        rules = self._reach.among_servers() + self._reach.admit(network.nodes)
        self.log = mirror_log(self, key, settings.mirror, removal) if settings.mirror and key else None
        self.file_system = fsx.CfnFileSystem(
            self,
            f"FileSystem{settings.deployment.fixed}",
            file_system_type="LUSTRE",
            subnet_ids=[place.subnet.subnet_id],
            security_group_ids=[self.group.security_group_id],
            kms_key_id=key.key_arn if key and settings.deployment.own_key else None,
            lustre_configuration=fsx.CfnFileSystem.LustreConfigurationProperty(
                **settings.deployment.lustre(),
                **_backups(settings.backups),
                data_compression_type=settings.compression,
                weekly_maintenance_start_time=settings.maintenance,
                log_configuration=_logging(self.log) if self.log else None,
            ),
            **settings.deployment.file_system(),
        )
        self.file_system.apply_removal_policy(removal)
        # FSx looks at the group's rules when it makes the file system, and refuses without them.
        for rule in rules:
            self.file_system.add_resource_dependency(rule)
        if settings.mirror:
            link(self, self.id, settings.mirror, buckets)

    @property
    def id(self) -> str:
        return self.file_system.ref

    @property
    def arn(self) -> str:
        return self.file_system.attr_resource_arn

    @property
    def dns_name(self) -> str:
        """Its name inside the network."""
        return self.file_system.attr_dns_name

    @property
    def mount_name(self) -> str:
        """What stands behind the colon of a mount: ``<dns name>@tcp:/<mount name>``."""
        return self.file_system.attr_lustre_mount_name

    def grant_mount(self, clients: ec2.ISecurityGroup) -> None:
        """Let members of a group mount it: Lustre asks nobody for an identity, so the network decides.

        Args:
            clients: A group beside the network's nodes, which may mount it in any case; it gets rules too.
        """
        self._reach.admit(clients)

    def grant_describe(self, role: iam.IRole) -> None:
        """Let ``role`` ask whether EFA is on: a client that may not mounts over TCP and says nothing.

        Source: awsome-distributed-training #1202. The action is given for all file systems, as AWS's own policies do.
        """
        role.add_to_principal_policy(iam.PolicyStatement(actions=["fsx:DescribeFileSystems"], resources=["*"]))

    def channel(self, name: str, *, directory: str, writable: bool = False) -> FileSystemChannel:
        """A channel of training jobs that shows one of its directories.

        Args:
            name: Name of the folder in the container.
            directory: Below the file system's root, for example ``/data``.
            writable: Whether jobs may write there; they only read by default.
        """
        source = FileSystem(kind="FSxLustre", id=self.id, security_group=None)
        path = f"/{self.mount_name}{directory}".rstrip("/")
        return FileSystemChannel(name=name, file_system=source, directory=path, writable=writable)


def _logging(log: logs.LogGroup) -> fsx.CfnFileSystem.LogConfigurationProperty:
    arn = cdk.Stack.of(log).format_arn(service="logs", resource="log-group", resource_name=log.log_group_name,
                                       arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME)  # fmt: skip
    return fsx.CfnFileSystem.LogConfigurationProperty(level="WARN_ERROR", destination=arn)


def _backups(backups: Backups | None) -> dict[str, Any]:
    if backups is None:
        return {}
    return {"automatic_backup_retention_days": backups.days, "daily_automatic_backup_start_time": backups.at,
            "copy_tags_to_backups": True}  # fmt: skip


def _check(
    settings: LustreSettings,
    network: Network,
    place: Place,
    key: kms.Key | None,
    buckets: Mapping[str, s3.IBucket],
) -> None:
    if place not in (*network.jobs, *network.clusters.values()):
        reject("place", place.name, "it is no subnet of the network whose nodes mount the file system",
               "Take one of network.clusters or network.jobs.")  # fmt: skip
    needed = settings.deployment.addresses
    if needed > place.spare:
        reject("place", place.name, f"the servers take {needed} addresses and {place.spare} are spare there",
               f"Plan the subnet with others={needed}.")  # fmt: skip
    wanted = settings.deployment.own_key or settings.mirror is not None
    if wanted and key is None:
        reject("key", None, "its data, and the log of its mirror, are encrypted with a key of the account", "Give one.")
    if key is not None and not wanted:
        reject("key", key.node.path, "AWS encrypts Scratch2 with keys of its own", "Give None, or take Persistent2.")
    named = {one.bucket for one in settings.mirror.repositories} if settings.mirror else set()
    if named != set(buckets):
        reject("buckets", sorted(buckets), f"the repositories name {sorted(named)}", "Give these, and no others.")

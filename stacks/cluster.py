"""Clusters, and the file systems that they share."""

from __future__ import annotations

from constructs import Construct

from constructs_lib.hyperpod.eks.control_plane import ControlPlane
from constructs_lib.hyperpod.eks.installation import ChartInstallation
from constructs_lib.lustre import LustreFileSystem
from constructs_lib.network import Network
from constructs_lib.observability import CloudWatchPage, ClusterWatch
from constructs_lib.storage import Storage
from ml_contract.clusters.places import log_group
from stacks.base import EnvironmentStack
from stacks.clusters import ClusterPlatform, EksCluster, PlatformCluster, SharedFiles
from stacks.clusters.files import BUCKETS
from stacks.clusters.platform import place
from stacks.environment import Environment


class FilesStack(EnvironmentStack):
    """One file system: it holds data, and changes seldom."""

    def __init__(
        self, scope: Construct, *, environment: Environment, files: SharedFiles, network: Network, storage: Storage
    ) -> None:
        super().__init__(scope, f"Files-{files.name}", environment=environment)
        mirror, deployment = files.settings.mirror, files.settings.deployment
        named = {one.bucket for one in mirror.repositories} if mirror else set()
        self.files = LustreFileSystem(
            self,
            "Files",
            settings=files.settings,
            network=network,
            place=place(network, files.subnet, field=f"file_systems.{files.name}.subnet"),
            key=storage.key if deployment.own_key or mirror else None,
            buckets={name: getattr(storage, name) for name in BUCKETS if name in named},
            removal=environment.removal,
        )
        self.output("FileSystemId", self.files.id, "The file system")
        self.output("DnsName", self.files.dns_name, "Its name inside the network")
        self.output("MountName", self.files.mount_name, "What stands behind the colon of a mount")


class ControlPlaneStack(EnvironmentStack):
    """The control plane of a cluster on EKS. HyperPod's chart is installed between it and the cluster's stack."""

    def __init__(self, scope: Construct, *, environment: Environment, cluster: EksCluster, network: Network) -> None:
        super().__init__(scope, f"ControlPlane-{cluster.name}", environment=environment, team=cluster.team)
        settings = cluster.named(environment.cluster_name(cluster.name))
        self.control_plane = ControlPlane(
            self, "ControlPlane", settings=settings, network=network, removal=environment.removal
        )
        self.charts = ChartInstallation(
            self, "Charts", control_plane=self.control_plane, groups=cluster.settings.groups,
            parameter=f"/trainyard/{environment.name}/clusters/{settings.name}/charts", removal=environment.removal,
            queue=cluster.queue,
        )  # fmt: skip
        self.output("EksClusterName", self.control_plane.name, "The control plane")


class ClusterStack(EnvironmentStack):
    """One cluster, in a stack of its own: an update of one touches no other."""

    def __init__(
        self, scope: Construct, *, environment: Environment, cluster: PlatformCluster, platform: ClusterPlatform
    ) -> None:
        super().__init__(scope, f"Cluster-{cluster.name}", environment=environment, team=cluster.team)
        self.cluster = cluster.bind(self, platform, name=environment.cluster_name(cluster.name))
        if platform.watch is not None:
            watch = platform.watch
            watched = ClusterWatch(
                self, "Watch", cluster_arn=self.cluster.arn, name=cluster.name, watched=watch.settings.watched,
                topic=watch.topic, key=watch.key, log_days=watch.settings.log_days, storm=watch.settings.storm,
            )  # fmt: skip
            mounted = {mount.file_system for group in cluster.settings.groups for mount in group.mounts}
            CloudWatchPage(self, "Page", name=self.cluster.name, watches=(watched,), figures=(),
                           file_systems={name: platform.files[name].id for name in sorted(mounted)})  # fmt: skip
            # HyperPod makes it, without end and with AWS's key, and its name is known only when the cluster is there.
            own = f"--log-group-name {log_group(self.cluster.name, self.cluster.id)}"
            commands = [
                f"aws logs put-retention-policy {own} --retention-in-days {watch.settings.log_days}",
                f"aws logs associate-kms-key {own} --kms-key-id {watch.key.key_arn}",
            ]
            self.output("LogCommands", "\n".join(commands), "Once, when the nodes have logged for the first time")
        self.output("ClusterName", self.cluster.name, "The cluster")
        self.output("ClusterArn", self.cluster.arn, "Its ARN; the last part names its logs and sessions")

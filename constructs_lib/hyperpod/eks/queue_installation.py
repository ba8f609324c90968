"""What a deployment leaves for whoever installs a cluster's queue."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from constructs_lib.hyperpod.eks.bundle import ManifestBundle
from constructs_lib.hyperpod.eks.charts import Charts
from constructs_lib.hyperpod.eks.control_plane import ControlPlane
from constructs_lib.hyperpod.eks.kueue import SharedQueue
from constructs_lib.hyperpod.groups import InstanceGroup


class QueueInstallation(Construct):
    """Values as an asset, the commands that install Kueue from the account's registry, and the queues."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        control_plane: ControlPlane,
        charts: Charts,
        queue: SharedQueue,
        groups: Sequence[InstanceGroup],
    ) -> None:
        """Publish values, queues and commands.

        Args:
            scope: Parent, in the nodes' stack: the commands are run when they are there.
            construct_id: Construct id.
            control_plane: Where the queue goes.
            charts: Whose registry holds chart and image.
            queue: The queue.
            groups: The cluster's.

        Raises:
            ContractError: See ``SharedQueue.manifests``.
        """
        super().__init__(scope, construct_id)
        with tempfile.TemporaryDirectory(prefix="trainyard-queue-") as folder:
            path = Path(folder) / "kueue.json"
            path.write_text(queue.text())
            # CDK copies the file at once.
            self.values = assets.Asset(self, "Values", path=str(path))
        name = shlex.quote(control_plane.settings.name)
        commands = [
            f"aws eks update-kubeconfig --region {charts.region} --name {name}",
            f"aws s3 cp {self.values.s3_object_url} kueue.json",
            charts.log_in("helm registry login"),
            queue.install_command(charts.home),
        ]
        cdk.CfnOutput(self, "QueueCommands", value="\n".join(commands),
                      description="With the first nodes, before the queues, by an administrator")  # fmt: skip
        ManifestBundle(self, "Queues", control_plane=control_plane, manifests=queue.manifests(groups))

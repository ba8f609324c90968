"""What a deployment leaves for whoever installs HyperPod's chart: registries, values, and the exact commands."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from constructs_lib.hyperpod.eks import kueue
from constructs_lib.hyperpod.eks.charts import CHART, Charts
from constructs_lib.hyperpod.eks.control_plane import ControlPlane
from constructs_lib.hyperpod.eks.kueue import SharedQueue
from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.notes import Note
from ml_contract.images import registry


class ChartInstallation(Construct):
    """Repositories of chart and images, the values as an asset, two outputs with the commands, and a note of what
    they installed, which the cluster's stack requires: another type of instance changes the values, and then too the
    commands come before the cluster."""

    note: Note

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        control_plane: ControlPlane,
        groups: Sequence[InstanceGroup],
        parameter: str,
        removal: cdk.RemovalPolicy,
        queue: SharedQueue | None = None,
    ) -> None:
        """Publish chart, values and commands.

        Args:
            scope: Parent, in the control plane's stack: the commands are run before the cluster's.
            construct_id: Construct id.
            control_plane: Where the chart goes.
            groups: Groups of the HyperPod cluster.
            parameter: Name of the parameter in Systems Manager that says what is installed.
            removal: What happens to the repositories when the stack goes.
            queue: What jobs wait in, whose chart and image are copied too; None: nothing of ours.

        Raises:
            ContractError: The chart does not support the region.
        """
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        self.charts = Charts(region=stack.region, registry=registry(stack.account, stack.region),
                             namespace=control_plane.settings.name, groups=groups)  # fmt: skip
        copied = [CHART, *(image.repository for image in self.charts.images)]
        for name in (*copied, *((kueue.CHART, kueue.IMAGE.repository) if queue else ())):
            ecr.Repository(
                self, name, repository_name=f"{self.charts.namespace}/{name}", image_scan_on_push=True,
                image_tag_mutability=ecr.TagMutability.IMMUTABLE, encryption=ecr.RepositoryEncryption.KMS,
                encryption_key=control_plane.key, removal_policy=removal,
                empty_on_delete=removal == cdk.RemovalPolicy.DESTROY,
            )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="trainyard-charts-") as folder:
            path = Path(folder) / "values.json"
            path.write_text(self.charts.text())
            # CDK copies the file at once.
            self.values = assets.Asset(self, "Values", path=str(path))
        self.note = Note(
            self, "Charts", parameter=parameter, done=self.charts.installed,
            way_out="HyperPod's chart for these groups is not in the control plane. Of the stack "
            f"{stack.stack_name} run the outputs MirrorCommands, once a version, from where the internet is, and"
            " InstallCommands, as an administrator inside the network; then deploy again",
        )  # fmt: skip
        install = self.charts.install_commands(cluster=control_plane.settings.name, values=self.values.s3_object_url,
                                               note=self.note.command)  # fmt: skip
        mirror = [*self.charts.mirror_commands(), *(queue.mirror_commands(self.charts.home) if queue else ())]
        cdk.CfnOutput(self, "MirrorCommands", value="\n".join(mirror),
                      description="Once a commit of the chart, from where the internet is")  # fmt: skip
        cdk.CfnOutput(self, "InstallCommands", value="\n".join(install),
                      description="Before the HyperPod cluster, by an administrator inside the network")  # fmt: skip

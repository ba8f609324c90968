"""Where the programs that measure nodes lie in the account, and how they come there.

A deployment does not copy images: see docs/decisions/0020-figures-of-nodes.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from constructs import Construct

from constructs_lib.notes import Note
from ml_contract.clusters.metric_images import IMAGES, MetricImage
from ml_contract.images import registry


class MetricImages(Construct):
    """A repository for each image, an output with the commands that fill them, and a note of what they copied."""

    note: Note
    namespace: str
    """What the names of the repositories start with."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: kms.IKey,
        removal: cdk.RemovalPolicy,
        namespace: str,
        parameter: str,
        images: Sequence[MetricImage] = IMAGES,
    ) -> None:
        """Make the repositories.

        Args:
            scope: Parent, in a stack that is deployed before any node starts.
            construct_id: Construct id.
            key: Key of the images.
            removal: What happens to them when the stack goes.
            namespace: What the names of the repositories start with: an account may hold several environments.
            parameter: Name of the parameter that notes which images were copied.
            images: What they are for; all by default.
        """
        super().__init__(scope, construct_id)
        self.namespace = namespace
        stack = cdk.Stack.of(self)
        for image in images:
            ecr.Repository(
                self, image.name, repository_name=f"{namespace}/{image.repository}", image_scan_on_push=True,
                image_tag_mutability=ecr.TagMutability.IMMUTABLE, encryption=ecr.RepositoryEncryption.KMS,
                encryption_key=key, removal_policy=removal, empty_on_delete=removal == cdk.RemovalPolicy.DESTROY,
            )  # fmt: skip
        # A node of Slurm whose image is missing fails.
        self.note = Note(
            self, "Images", parameter=parameter, done=_digest(images),
            way_out="Images that measure nodes are not in the account's registry. Run the output MirrorCommands of the "
            f"stack {stack.stack_name}, from where the internet is; then deploy again",
        )  # fmt: skip
        login, *copies = mirror_commands(images, registry=registry(stack.account, stack.region), namespace=namespace,
                                         region=stack.region)  # fmt: skip
        # What failed is not noted.
        cdk.CfnOutput(self, "MirrorCommands", value=f"{login}\n{' && '.join([*copies, self.note.command])}",
                      description="Once, before the first node starts, from where the internet is")  # fmt: skip


def _digest(images: Sequence[MetricImage]) -> str:
    """What stands for exactly these images."""
    return hashlib.sha256(" ".join(f"{one.repository}@{one.digest}" for one in images).encode()).hexdigest()[:16]


def mirror_commands(images: Sequence[MetricImage], *, registry: str, namespace: str, region: str) -> list[str]:
    """What is done once a release, where the internet and the account's registry can both be reached.

    Args:
        images: What is copied, by its digest: the copy has the same, or the command fails.
        registry: The account's registry, which may be a reference.
        namespace: What the names of the copies start with.
        region: Its region.
    """
    return [
        f"aws ecr get-login-password --region {region} | crane auth login --username AWS --password-stdin {registry}",
        *(f"crane copy {one.source}@{one.digest} {registry}/{namespace}/{one.repository}:{one.tag}" for one in images),
    ]

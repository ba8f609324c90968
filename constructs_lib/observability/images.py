"""Where the programs that measure nodes lie in the account, and how they come there.

A deployment does not copy images: see docs/decisions/0020-figures-of-nodes.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from constructs import Construct

from ml_contract.clusters.metric_images import IMAGES, MetricImage
from ml_contract.images import registry


class MetricImages(Construct):
    """A repository for each image, and an output with the commands that fill them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: kms.IKey,
        removal: cdk.RemovalPolicy,
        images: Sequence[MetricImage] = IMAGES,
    ) -> None:
        """Make the repositories.

        Args:
            scope: Parent, in a stack that is deployed before any node starts.
            construct_id: Construct id.
            key: Key of the images.
            removal: What happens to them when the stack goes.
            images: What they are for; all by default.
        """
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        for image in images:
            ecr.Repository(
                self, image.name, repository_name=image.repository, image_scan_on_push=True,
                image_tag_mutability=ecr.TagMutability.IMMUTABLE, encryption=ecr.RepositoryEncryption.KMS,
                encryption_key=key, removal_policy=removal, empty_on_delete=removal == cdk.RemovalPolicy.DESTROY,
            )  # fmt: skip
        commands = mirror_commands(images, registry=registry(stack.account, stack.region), region=stack.region)
        cdk.CfnOutput(self, "MirrorCommands", value="\n".join(commands),
                      description="Once, before the first node starts, from where the internet is")  # fmt: skip


def mirror_commands(images: Sequence[MetricImage], *, registry: str, region: str) -> list[str]:
    """What is done once a release, where the internet and the account's registry can both be reached.

    Args:
        images: What is copied, by its digest: the copy has the same, or the command fails.
        registry: The account's registry, which may be a reference.
        region: Its region.
    """
    return [
        f"aws ecr get-login-password --region {region} | crane auth login --username AWS --password-stdin {registry}",
        *(f"crane copy {one.source}@{one.digest} {registry}/{one.repository}:{one.tag}" for one in images),
    ]

"""Images of containers, each with the grant that pulling it needs."""

from __future__ import annotations

from datetime import date

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct
from pydantic import Field

from constructs_lib.values import Value
from ml_contract.images import Image, image_account, image_uri, registry


class ContainerImage(Value):
    """An image in a registry."""

    def uri(self, scope: Construct) -> str:
        """The address in the region of ``scope``."""
        raise NotImplementedError

    def grant_pull(self, role: iam.IRole) -> None:
        """Let ``role`` pull the image."""
        raise NotImplementedError


class DeepLearningImage(ContainerImage):
    """An image that AWS publishes."""

    image: Image
    """The image; one whose support has ended is a warning at synth."""

    def uri(self, scope: Construct) -> str:
        """The address in the region of ``scope``, which is warned about an image whose support has ended.

        Raises:
            ContractError: AWS does not offer the image in the region.
        """
        ended = self.image.end_of_support
        if ended is not None and not self.image.is_supported(date.today()):
            name = f"{self.image.repository}:{self.image.tag}"
            cdk.Annotations.of(scope).add_warning_v2(
                f"trainyard:image-support-ended:{name}",
                f"image: got {name}, but its support ended on {ended.isoformat()}. "
                "Choose a newer row of ml_contract/images.py.",
            )
        return image_uri(self.image, cdk.Stack.of(scope).region)

    def grant_pull(self, role: iam.IRole) -> None:
        region = cdk.Stack.of(role).region
        grant_pull(role, image_account(region, self.image.accounts), region, self.image.repository)


class EcrImage(ContainerImage):
    """An image of your own, in a private repository of Amazon ECR.

    ``images/training/Dockerfile`` builds one that holds what this project's workloads import.
    """

    repository: str = Field(pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$", max_length=256)
    """Name of the repository."""
    tag: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")
    """Tag; one that never moves, or two runs of a pipeline differ for no visible reason."""
    account: str | None = Field(default=None, pattern=r"^[0-9]{12}$")
    """Account that holds the repository, whose policy then lets this one pull; the stack's own by default."""
    region: str | None = Field(default=None, pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")
    """Region of the repository; the stack's own by default."""
    modules: frozenset[str] = frozenset()
    """What it holds beside requirements/training.txt and is asked for by a strategy, for example ``horovod.torch``."""
    labels: frozenset[str] = frozenset()
    """LABELs of its Dockerfile that SageMaker asks for, each ``name=value``."""

    def uri(self, scope: Construct) -> str:
        stack = cdk.Stack.of(scope)
        return registry(self.account or stack.account, self.region or stack.region) + f"/{self.repository}:{self.tag}"

    def grant_pull(self, role: iam.IRole) -> None:
        stack = cdk.Stack.of(role)
        grant_pull(role, self.account or stack.account, self.region or stack.region, self.repository)


def grant_pull(role: iam.IRole, account: str, region: str, repository: str) -> None:
    """Let ``role`` pull the images of a repository."""
    # A token is for the whole registry: the action knows no resource.
    role.add_to_principal_policy(iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]))
    registry = f"arn:{cdk.Stack.of(role).partition}:ecr:{region}:{account}"
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            resources=[f"{registry}:repository/{repository}"],
        )
    )

"""Images of containers, each with the grant that pulling it needs."""

from __future__ import annotations

from datetime import date

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.values import Value
from ml_contract.images import Image, image_account, image_uri


class DeepLearningImage(Value):
    """An image of the AWS deep-learning containers."""

    image: Image
    """The image; one whose support has ended is a warning at synth."""

    def uri(self, scope: Construct) -> str:
        """The address in the region of ``scope``, which is warned about an image whose support has ended.

        Raises:
            ContractError: AWS does not offer the images in the region.
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
        """Let ``role`` pull the image."""
        stack = cdk.Stack.of(role)
        # A token is for the whole registry: the action knows no resource.
        role.add_to_principal_policy(iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]))
        registry = f"arn:{stack.partition}:ecr:{stack.region}:{image_account(stack.region)}"
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=[f"{registry}:repository/{self.image.repository}"],
            )
        )

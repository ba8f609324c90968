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

    def bind(self, scope: Construct, role: iam.IRole) -> str:
        """Grant the pull to ``role``, warn about an old image, and give the address in the scope's region.

        Raises:
            ContractError: AWS does not offer the images in the region.
        """
        stack = cdk.Stack.of(scope)
        ended = self.image.end_of_support
        if ended is not None and not self.image.is_supported(date.today()):
            cdk.Annotations.of(scope).add_warning_v2(
                f"trainyard:image-support-ended:{self.image.repository}:{self.image.tag}",
                f"image: got {self.image.repository}:{self.image.tag}, but its support ended on {ended.isoformat()}. "
                "Choose a newer row of ml_contract/images.py.",
            )
        repository = (
            f"arn:{stack.partition}:ecr:{stack.region}:{image_account(stack.region)}:repository/{self.image.repository}"
        )
        role.add_to_principal_policy(
            # A token is for the whole registry: the action knows no resource.
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"])
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=[repository],
            )
        )
        return image_uri(self.image, stack.region)

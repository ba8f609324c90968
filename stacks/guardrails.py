"""What holds for every stack: tags, removal policies, and the rules of cdk-nag."""

from __future__ import annotations

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks


def guard(app: cdk.App) -> None:
    """Hold every stack of ``app`` against the house's rules when it synthesises."""
    cdk.Tags.of(app).add("application", "trainyard")
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))

"""The buckets' stack: what holds data changes seldom, and apart from the rest."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.storage import Storage
from stacks.environment import Environment


class StorageStack(cdk.Stack):
    """Buckets and their key."""

    def __init__(self, scope: Construct, id: str, *, environment: Environment, **options: Any) -> None:
        super().__init__(scope, id, **options)
        self.storage = Storage(self, "Storage", settings=environment.storage, removal=environment.removal)
        cdk.CfnOutput(self, "DataBucketName", value=self.storage.data.bucket_name, description="Data sets")
        cdk.CfnOutput(self, "CheckpointBucketName", value=self.storage.checkpoints.bucket_name,
                      description="Checkpoints")  # fmt: skip
        cdk.CfnOutput(self, "ArtifactBucketName", value=self.storage.artifacts.bucket_name,
                      description="Models, evaluations and packages")  # fmt: skip
        cdk.CfnOutput(self, "KeyArn", value=self.storage.key.key_arn, description="Key of the buckets")

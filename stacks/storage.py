"""The buckets' stack: what holds data changes seldom, and apart from the rest."""

from __future__ import annotations

from constructs import Construct

from constructs_lib.encryption import let_log_service_use
from constructs_lib.storage import Storage
from stacks.base import EnvironmentStack
from stacks.environment import Environment


class StorageStack(EnvironmentStack):
    """Buckets and their key."""

    def __init__(self, scope: Construct, construct_id: str, *, environment: Environment) -> None:
        super().__init__(scope, construct_id, environment=environment)
        measured = environment.operation.supplies.buckets if environment.operation else ()
        self.storage = Storage(
            self, "Storage", settings=environment.storage, removal=environment.removal, measured=measured
        )
        # Executions that bring approved models into endpoints are logged under the same key.
        let_log_service_use(self.storage.key)
        self.output("DataBucketName", self.storage.data.bucket_name, "Data sets")
        self.output("CheckpointBucketName", self.storage.checkpoints.bucket_name, "Checkpoints")
        self.output("ArtifactBucketName", self.storage.artifacts.bucket_name, "Models, evaluations and packages")
        self.output("KeyArn", self.storage.key.key_arn, "Key of the buckets")

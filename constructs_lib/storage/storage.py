"""Data, checkpoint and artifact buckets with one key."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct
from pydantic import Field

from constructs_lib.values import Value

DATASETS = "datasets"
"""In the data bucket: what pipelines prepared."""
SHARED = "shared"
"""In the data bucket: what was there before, such as weights to start from."""

REQUESTS = "EntireBucket"
"""Filter of the request metrics of a measured bucket: all of its objects, under the name that S3's console gives."""


class StorageSettings(Value):
    """How long objects live."""

    checkpoint_days: int = Field(ge=1, le=3650)
    """Days after which a checkpoint expires; longer than the longest run with its restarts, or it cannot resume."""
    replaced_days: int = Field(ge=1, le=3650)
    """Days that a replaced or deleted version is kept: the time to notice a mistake."""
    upload_days: int = Field(default=2, ge=1, le=30)
    """Days after which an unfinished multipart upload is aborted; the default outlives any single upload."""
    access_log_days: int = Field(ge=1, le=3650)
    """Days that access logs are kept."""


class Storage(Construct):
    """Three buckets and their key. Names are generated: a fixed name would forbid a replacement."""

    key: kms.Key
    data: s3.Bucket
    """Data sets."""
    checkpoints: s3.Bucket
    """Checkpoints, which expire."""
    artifacts: s3.Bucket
    """Models, evaluations, packages: what the registry points to."""
    access_logs: s3.Bucket
    """Who read and wrote the other three."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StorageSettings,
        removal: cdk.RemovalPolicy,
        measured: Sequence[str] = (),
    ) -> None:
        """Build the buckets.

        Args:
            scope: Parent, a stack of its own: what holds data changes seldom.
            construct_id: Construct id.
            settings: Lifetimes.
            removal: What happens to buckets and key when the stack goes. ``DESTROY`` deletes only empty buckets.
            measured: Buckets (``data``, ``checkpoints``, ``artifacts``) whose requests are counted, which S3 bills as
                CloudWatch metrics; none by default.
        """
        super().__init__(scope, construct_id)
        self._settings, self._removal, self._measured = settings, removal, measured
        # Deliver access logs by policy in every app: without the flag CDK would want ACLs, which the buckets refuse.
        self.node.set_context("@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy", True)
        self.key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=removal,
                           description="Data, checkpoints and artifacts")  # fmt: skip
        # S3 delivers access logs only to buckets that it encrypts with its own keys.
        self.access_logs = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal,
            lifecycle_rules=[
                self._housekeeping(),
                s3.LifecycleRule(id="ExpireLogs", expiration=cdk.Duration.days(settings.access_log_days)),
            ],
        )
        _keep_to_account(self.access_logs)
        self.data = self._bucket("Data")
        self.artifacts = self._bucket("Artifacts")
        self.checkpoints = self._bucket(
            "Checkpoints",
            s3.LifecycleRule(id="ExpireCheckpoints", expiration=cdk.Duration.days(settings.checkpoint_days)),
        )

    def _bucket(self, name: str, *rules: s3.LifecycleRule) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            removal_policy=self._removal,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix=f"{name.lower()}/",
            lifecycle_rules=[self._housekeeping(), self._replaced(), *rules],
            metrics=[s3.BucketMetrics(id=REQUESTS)] if name.lower() in self._measured else None,
        )
        _keep_to_account(bucket)
        return bucket

    def _housekeeping(self) -> s3.LifecycleRule:
        days = cdk.Duration.days(self._settings.upload_days)
        return s3.LifecycleRule(id="AbortUploads", abort_incomplete_multipart_upload_after=days)

    def _replaced(self) -> s3.LifecycleRule:
        # Retention of checkpoints deletes COMMIT and shards: in a versioned bucket only this rule frees their space.
        days = cdk.Duration.days(self._settings.replaced_days)
        return s3.LifecycleRule(id="ExpireReplaced", noncurrent_version_expiration=days,
                                expired_object_delete_marker=True)  # fmt: skip


def _keep_to_account(bucket: s3.Bucket) -> None:
    """Deny everybody who is neither of the bucket's account nor a service of AWS, whatever is allowed to them later.

    Source: "AWS global condition context keys" (aws:PrincipalAccount is absent where nobody signs, and where a service
    calls for itself; aws:PrincipalIsAWSService tells the two apart), IAM User Guide, read 2026-11-22.
    """
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            sid="OtherAccounts",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["s3:*"],
            resources=[bucket.bucket_arn, bucket.arn_for_objects("*")],
            conditions={
                "StringNotEqualsIfExists": {"aws:PrincipalAccount": cdk.Stack.of(bucket).account},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
        )
    )

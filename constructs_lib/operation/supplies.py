"""Alarms of what everything else needs: buckets, keys, images.

Sources, read 2026-11-22: "Metrics and dimensions" (request metrics, BucketName and FilterId), Amazon S3 User Guide;
"ScheduleKeyDeletion" and "DisableKey", log entries of AWS KMS in CloudTrail, AWS KMS Developer Guide (the key stands in
``resources``); "Amazon ECR events and EventBridge", Amazon ECR User Guide; what a lifecycle policy expires is told by
CloudTrail alone, as PolicyExecutionEvent ("Logging Amazon ECR actions with AWS CloudTrail", same guide). Events of
CloudTrail reach EventBridge only in accounts with a trail that logs management events ("AWS service events delivered
via AWS CloudTrail", EventBridge User Guide).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct
from pydantic import Field

from constructs_lib.operation.telling import Figure, Telling
from constructs_lib.storage import REQUESTS
from constructs_lib.training import EcrImage
from constructs_lib.values import Value
from ml_contract.symptoms import IMAGE_MISSING, KEY_DELETION, STORAGE_ERRORS

_CLOUDTRAIL = "AWS API Call via CloudTrail"
_SERVICE_EVENT = "AWS Service Event via CloudTrail"
MeasuredBucket = Literal["data", "checkpoints", "artifacts"]


class SupplyAlarms(Value):
    """What is expected of buckets, keys and images."""

    buckets: tuple[MeasuredBucket, ...] = Field(min_length=1)
    """Buckets whose requests are measured, which S3 bills as metrics."""
    refused: int = Field(ge=0)
    """Requests that a bucket may refuse with 5xx in five minutes, retried ones included: each client retries."""
    minutes: int = Field(ge=1, le=1440)
    """How long the loss of an image or a key stays an alarm: nothing tells that it is over."""

    def bind(
        self,
        scope: Construct,
        *,
        buckets: Mapping[str, s3.IBucket],
        keys: Sequence[kms.IKey],
        images: Sequence[EcrImage],
        telling: Telling,
    ) -> None:
        """Make the alarms.

        Args:
            scope: Parent.
            buckets: Those of ``buckets``, by name, with request metrics of the filter ``REQUESTS``.
            keys: Keys that data and messages need.
            images: Images of this account that jobs and endpoints start from.
            telling: Who is told.
        """
        for name, bucket in buckets.items():
            figure = Figure(
                namespace="AWS/S3",
                name="5xxErrors",
                dimensions={"BucketName": bucket.bucket_name, "FilterId": REQUESTS},
                statistic="Sum",
                minutes=5,
            )
            telling.alarm(scope, STORAGE_ERRORS, name, figure, threshold=self.refused)
        telling.count(scope, KEY_DELETION, "", _lost_keys(keys), minutes=self.minutes)
        if images:
            telling.count(scope, IMAGE_MISSING, "", _lost_images(images), minutes=self.minutes)


def _lost_keys(keys: Sequence[kms.IKey]) -> dict[str, Any]:
    return {
        "source": ["aws.kms"],
        "detail-type": [_CLOUDTRAIL],
        "detail": {
            "eventSource": ["kms.amazonaws.com"],
            "eventName": ["DisableKey", "ScheduleKeyDeletion"],
            "resources": {"ARN": [key.key_arn for key in keys]},
        },
    }


def _lost_images(images: Sequence[EcrImage]) -> dict[str, Any]:
    """An image is deleted, expires, or turns out to be gone when a job pulls it."""
    repositories = sorted({image.repository for image in images})
    deleted = {
        "source": ["aws.ecr"],
        "detail-type": ["ECR Image Action"],
        "detail": {
            "action-type": ["DELETE"],
            "result": ["SUCCESS"],
            "repository-name": repositories,
            "image-tag": sorted({image.tag for image in images}),
        },
    }
    expired = {
        "source": ["aws.ecr"],
        "detail-type": [_SERVICE_EVENT],
        "detail": {
            "eventName": ["PolicyExecutionEvent"],
            "serviceEventDetails": {"repositoryName": repositories},
        },
    }
    failed = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {"FailureReason": [{"wildcard": "*Cannot pull algorithm container*"}]},
    }
    return {"$or": [deleted, expired, failed]}

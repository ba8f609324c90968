"""Rules for what resources allow by themselves: buckets, keys, topics, queues, secrets, repositories.

Sources, read 2026-11-22: "Access Analyzer resource types for external access" and "The confused deputy problem" (cross-
service: aws:SourceAccount, aws:SourceArn), IAM User Guide; "Encrypt log data in CloudWatch Logs using AWS KMS" (the
encryption context).
"""

from __future__ import annotations

from collections.abc import Iterator

from constructs_lib.guardrails.review.findings import Allowed, Finding
from constructs_lib.guardrails.review.identity import for_anybody, named

POLICIES = {
    "AWS::ECR::Repository": "RepositoryPolicyText",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SecretsManager::ResourcePolicy": "ResourcePolicy",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}
"""Types with a policy of their own, and the property that holds it."""
_CONTEXT = "kms:encryptioncontext:"


def opened(found: Allowed) -> Iterator[Finding]:
    """What a statement of a resource's policy breaks."""
    yield from named(found, "may use it")
    if not any(key.startswith(_CONTEXT) for key in found.keys):
        yield from for_anybody(found, "use it")

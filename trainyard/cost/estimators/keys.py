"""Keys and secrets."""

from __future__ import annotations

from trainyard.cost.estimators.base import Simple


class Key(Simple):
    """A key of one's own a month, and requests to it. Its first two rotations make it dearer, a dollar a month each."""

    types = ("AWS::KMS::Key", "AWS::KMS::ReplicaKey")
    fixed = (("key", "kms/key-month"),)
    used = (("requests to it", "kms/10000-requests", "kms_requests_per_month", 10_000),)


class Secret(Simple):
    """A secret a month, and its readings."""

    types = ("AWS::SecretsManager::Secret",)
    fixed = (("secret", "secretsmanager/secret-month"),)
    used = (("readings", "secretsmanager/10000-requests", "secret_requests_per_month", 10_000),)

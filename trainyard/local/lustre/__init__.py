"""The embedded FSx: file systems for Lustre, by their API. Nodes of a cluster see a folder of theirs in its place."""

from trainyard.local.api.service import Context, Service
from trainyard.local.lustre.operations import FileSystems, is_mountable

__all__ = ["NAME", "TARGET_PREFIX", "build", "is_mountable"]

NAME = "fsx"
"""Its name at botocore, its credential scope and its IAM namespace."""
TARGET_PREFIX = "AWSSimbaAPIService_v20180301."
"""What X-Amz-Target begins with."""


def build(context: Context) -> Service:
    """Composes the service."""
    return Service(NAME, FileSystems(context))

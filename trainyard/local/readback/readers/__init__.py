"""One reader for each resource type that Trainyard's stacks use."""

from collections.abc import Mapping

from trainyard.local.readback.readers import (
    budgets,
    clusters,
    databases,
    ec2,
    fsx,
    governance,
    iam,
    operations,
    s3,
    sagemaker,
    scaling,
    security_groups,
    services,
)
from trainyard.local.readback.readers.base import Clients, Deployed, Reader

__all__ = ["NOTHING_TO_READ", "READERS", "Clients", "Deployed", "Reader"]

READERS: Mapping[str, Reader] = {
    **budgets.READERS,
    **clusters.READERS,
    **databases.READERS,
    **ec2.READERS,
    **fsx.READERS,
    **governance.READERS,
    **iam.READERS,
    **operations.READERS,
    **s3.READERS,
    **sagemaker.READERS,
    **scaling.READERS,
    **security_groups.READERS,
    **services.READERS,
}

NOTHING_TO_READ: Mapping[str, str] = {
    "AWS::CDK::Metadata": "it makes nothing in the account: it only carries CDK's usage statistics",
}
"""Types that leave nothing that a client could read, each with the reason."""

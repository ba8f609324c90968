"""Application Auto Scaling for what SageMaker serves: targets, policies, schedules, and a scaler that follows them."""

from trainyard.local.api.service import Context, Service
from trainyard.local.autoscaling.cloudwatch import CloudWatch
from trainyard.local.autoscaling.policies import Policies
from trainyard.local.autoscaling.resources import Resources
from trainyard.local.autoscaling.scaler import Scalers
from trainyard.local.autoscaling.schedules import Schedules
from trainyard.local.autoscaling.tags import Tags
from trainyard.local.autoscaling.targets import Targets

__all__ = ["NAME", "TARGET_PREFIX", "CloudWatch", "build"]

NAME = "application-autoscaling"
"""Its name at botocore, its credential scope and its IAM namespace."""
TARGET_PREFIX = "AnyScaleFrontendService."
"""What X-Amz-Target begins with."""


def build(context: Context, sagemaker: Service, cloudwatch: CloudWatch) -> Service:
    """Composes the service.

    Args:
        context: what the cloud's own services share.
        sagemaker: what is scaled.
        cloudwatch: where its metrics and alarms are.
    """
    resources = Resources(context, sagemaker)
    targets = Targets(context, resources)
    families = (
        targets,
        Policies(context, targets, cloudwatch),
        Schedules(context, targets),
        Tags(context),
        Scalers(context, targets, resources, cloudwatch),
    )
    return Service(NAME, *families)

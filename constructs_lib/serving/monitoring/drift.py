"""Alarms on what a monitor finds.

Namespace and dimensions are those of an alarm of AWS's own (aws-samples/amazon-sagemaker-safe-deployment-pipeline,
assets/deploy-model-prd.yml at 0f5acbd). The SageMaker Developer Guide contradicts itself: "CloudWatch Metrics" has the
metric in ``/aws/sagemaker/Endpoints/data-metric`` under EndpointName and ScheduleName, "CloudWatch Metrics for
Bring Your Own Containers" in ``/aws/sagemaker/Endpoint/data-metrics`` with Endpoint and MonitoringSchedule. All read
2026-11-22; ``aws cloudwatch list-metrics`` tells after the first run.
"""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct
from pydantic import Field

from constructs_lib.values import Value

NAMESPACE = "aws/sagemaker/Endpoints/data-metrics"
PERIOD_SECONDS = 3600


class Drift(Value):
    """A feature whose distribution must stay near that of the baseline."""

    feature: str = Field(pattern=r"^[A-Za-z0-9_]{1,200}$")
    """Name of the feature, for example ``request_tokens_mean``."""
    distance: float = Field(gt=0, le=1)
    """Largest distance of the distributions, between 0 (alike) and 1."""

    @property
    def metric(self) -> str:
        """Name in CloudWatch."""
        return f"feature_baseline_drift_{self.feature}"

    def bind(self, scope: Construct, *, endpoint: str, schedule: str, actions: list[str]) -> cloudwatch.CfnAlarm:
        """Make the alarm.

        Args:
            scope: Parent.
            endpoint: Name of the endpoint.
            schedule: Name of the monitor's schedule.
            actions: ARNs that are told when it is raised.
        """
        alarm = cloudwatch.CfnAlarm
        return alarm(
            scope,
            f"Drift-{self.feature}",
            alarm_name=f"{schedule}-{self.feature}",
            alarm_description=f"{self.feature} of {endpoint} is distributed otherwise than in the baseline",
            namespace=NAMESPACE,
            metric_name=self.metric,
            dimensions=[
                alarm.DimensionProperty(name="Endpoint", value=endpoint),
                alarm.DimensionProperty(name="MonitoringSchedule", value=schedule),
            ],
            statistic="Maximum",
            comparison_operator="GreaterThanThreshold",
            threshold=self.distance,
            period=PERIOD_SECONDS,
            evaluation_periods=1,
            # A run gives one datum: between two runs the alarm stays what the last one made it.
            treat_missing_data="ignore",
            alarm_actions=actions or None,
        )

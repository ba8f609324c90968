"""How finely an endpoint reports how busy it is.

Source, read 2026-11-21: MetricsConfig, SageMaker API reference.
"""

from __future__ import annotations

from aws_cdk import aws_sagemaker as sagemaker

from constructs_lib.values import Value
from ml_contract.hosting import MetricSeconds


class Utilization(Value):
    """Metrics beyond those that every endpoint publishes once a minute. CloudWatch bills them."""

    seconds: MetricSeconds = 60
    """Time between two values, seconds."""
    each_instance: bool = False
    """Whether there is a series for every instance and container, with invocations among them."""
    detailed: bool = False
    """Whether the containers' own metrics, each GPU and where copies are placed are published too."""

    def render(self) -> sagemaker.CfnEndpointConfig.MetricsConfigProperty:
        """``MetricsConfig`` of the endpoint's configuration."""
        return sagemaker.CfnEndpointConfig.MetricsConfigProperty(
            metric_publish_frequency_in_seconds=self.seconds,
            enable_enhanced_metrics=self.each_instance,
            enable_detailed_observability=self.detailed,
        )

"""Spend that is unusual, whatever the budget says of it.

Sources, read 2026-11-22: "Detecting unusual spend with AWS Cost Anomaly Detection", AWS Cost Management User Guide (a
monitor of a tag's values; topics are told of each anomaly, with the frequency IMMEDIATE only; detection wants ten days
of use); "Expression" and "AnomalySubscription", AWS Cost Explorer API reference. Monitors are free of charge.
"""

from __future__ import annotations

import json

from aws_cdk import aws_ce as ce
from aws_cdk import aws_sns as sns
from constructs import Construct
from pydantic import Field

from constructs_lib.budgets.tags import ENVIRONMENT
from constructs_lib.values import Value
from ml_contract.symptoms import Severity


class Anomalies(Value):
    """What is unusual enough to be told."""

    usd: float = Field(gt=0, le=1e9)
    """Least total impact of an anomaly, in USD: what was spent beyond what AWS expected."""
    percent: float = Field(gt=0, le=1e6)
    """Least impact in per cent of what was expected; both must be reached."""
    severity: Severity
    """Whose topic is told."""


class AnomalyWatch(Construct):
    """Watches what carries one environment's tag."""

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: str, settings: Anomalies, topic: sns.ITopic
    ) -> None:
        """Make monitor and subscription.

        Args:
            scope: Parent.
            construct_id: Construct id.
            environment: Short name of the environment.
            settings: What is told.
            topic: Who is told; its policy has to let ``costalerts.amazonaws.com`` publish.
        """
        super().__init__(scope, construct_id)
        name = f"trainyard-{environment}"
        self.monitor = ce.CfnAnomalyMonitor(
            self,
            "Monitor",
            monitor_name=name,
            monitor_type="CUSTOM",
            monitor_specification=json.dumps({"Tags": {"Key": ENVIRONMENT, "Values": [environment]}}),
        )
        self.subscription = ce.CfnAnomalySubscription(
            self,
            "Subscription",
            subscription_name=name,
            frequency="IMMEDIATE",
            monitor_arn_list=[self.monitor.attr_monitor_arn],
            subscribers=[ce.CfnAnomalySubscription.SubscriberProperty(type="SNS", address=topic.topic_arn)],
            threshold_expression=json.dumps(
                {
                    "And": [
                        _at_least("ANOMALY_TOTAL_IMPACT_ABSOLUTE", settings.usd),
                        _at_least("ANOMALY_TOTAL_IMPACT_PERCENTAGE", settings.percent),
                    ]
                }
            ),
        )


def _at_least(dimension: str, value: float) -> dict[str, object]:
    return {"Dimensions": {"Key": dimension, "MatchOptions": ["GREATER_THAN_OR_EQUAL"], "Values": [f"{value:g}"]}}

"""Alarms on the account's quotas of SageMaker instances.

SageMaker publishes how many instances of all types are in use, for each kind of use, as ``ResourceCount`` in AWS/Usage,
about every 20 minutes; CloudWatch's metric math knows the quota that belongs to a usage metric (SERVICE_QUOTA).
Sources, read 2026-11-22: "AWS usage metrics" and "Visualizing your service quotas and setting alarms", CloudWatch User
Guide; the dimensions were held against the service in us-east-1 on 2026-09-18 by a public review of SageMaker accounts.
Quotas of a single type are asked before a deployment: `trainyard quotas`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct
from pydantic import Field

from constructs_lib.operation import Telling
from constructs_lib.values import Value
from ml_contract.symptoms import QUOTA

Use = Literal["training-job", "processing-job", "transform-job", "endpoint"]
_HOUR = 3600


class QuotaAlarms(Value):
    """When a quota of the account is nearly used up."""

    percent: float = Field(gt=0, lt=100)
    """Share of the quota in use from which on somebody is told, in per cent."""

    def bind(self, scope: Construct, uses: Iterable[Use], telling: Telling) -> list[cloudwatch.CfnAlarm]:
        """Make an alarm for each use.

        Args:
            scope: Parent.
            uses: What instances are hired for here.
            telling: Who is told.
        """
        return [self._alarm(scope, use, telling) for use in uses]

    def _alarm(self, scope: Construct, use: Use, telling: Telling) -> cloudwatch.CfnAlarm:
        subject = f"{use}s"
        told = telling.actions(QUOTA)
        dimensions = {"Service": "SageMaker", "Class": "None", "Type": "Resource",
                      "Resource": f"{use}/total_instance_count"}  # fmt: skip
        query = cloudwatch.CfnAlarm.MetricDataQueryProperty
        usage = cloudwatch.CfnAlarm.MetricStatProperty(
            metric=cloudwatch.CfnAlarm.MetricProperty(
                namespace="AWS/Usage",
                metric_name="ResourceCount",
                dimensions=[
                    cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value) for name, value in dimensions.items()
                ],
            ),
            # Three data points an hour, some of them late.
            period=_HOUR,
            stat="Maximum",
        )
        return cloudwatch.CfnAlarm(
            scope,
            f"{subject}-{QUOTA.name}",
            alarm_name=QUOTA.alarm(telling.environment, subject),
            alarm_description=telling.description(QUOTA),
            metrics=[
                query(id="usage", metric_stat=usage, return_data=False),
                query(id="share", expression="usage / SERVICE_QUOTA(usage) * 100", label="share of the quota, per cent",
                      return_data=True),
            ],
            threshold=self.percent,
            comparison_operator="GreaterThanOrEqualToThreshold",
            evaluation_periods=1,
            treat_missing_data="notBreaching",
            alarm_actions=told,
            ok_actions=told,
        )  # fmt: skip

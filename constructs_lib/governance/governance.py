"""A cluster's policy and quotas, and the look at whether they are still so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from constructs_lib.governance.drift import METRIC, NAMESPACE
from constructs_lib.governance.function import QuotaFunction
from constructs_lib.governance.makers import ByFunction, QuotaMaker
from constructs_lib.governance.settings import GovernanceSettings
from constructs_lib.network import Network
from constructs_lib.retention import LogDays

if TYPE_CHECKING:
    from constructs_lib.hyperpod.groups import InstanceGroup


class TaskGovernance(Construct):
    """Policy, quotas, their function, the schedule and the alarms."""

    policy: sagemaker.CfnClusterSchedulerConfig
    function: QuotaFunction
    alarms: dict[str, cloudwatch.CfnAlarm]
    """By team: raised when its quota is not what was deployed, cannot be looked at, or nobody looked."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster_arn: str,
        groups: Sequence[InstanceGroup],
        settings: GovernanceSettings,
        topic: sns.ITopic,
        key: kms.IKey,
        log_days: LogDays,
        network: Network | None = None,
        maker: QuotaMaker | None = None,
    ) -> None:
        """Build them.

        Args:
            scope: Parent.
            construct_id: Construct id.
            cluster_arn: ARN of the cluster, which has the add-on ``amazon-sagemaker-hyperpod-taskgovernance``: whatever
                this construct is in must depend on both.
            groups: Groups of the cluster, against which the quotas are held.
            settings: Policy and quotas.
            topic: Who is told of drift. Its key must let cloudwatch.amazonaws.com use it
                (``constructs_lib.encryption.let_alarms_use``).
            key: Key of the function's log, which the log service may use.
            log_days: Days that the log is kept.
            network: Where the function runs (:class:`QuotaFunction`); by default outside any network.
            maker: How quotas are made; by default :class:`ByFunction`.

        Raises:
            ContractError: The quotas are more than the cluster, or name what it does not have.
        """
        super().__init__(scope, construct_id)
        settings.check(groups)
        self.policy = settings.policy.bind(self, cluster_arn=cluster_arn)
        self.function = QuotaFunction(self, "Function", key=key, log_days=log_days, network=network)
        self.alarms = {}
        for quota in settings.quotas:
            request = quota.request(cluster_arn)
            inside = Construct(self, f"Team-{quota.team}")
            identity = (maker or ByFunction()).make(inside, "Quota", request, self.function)
            # The policy first: both are changes of one cluster, which takes one at a time.
            inside.node.find_child("Quota").node.add_dependency(self.policy)
            self._look(inside, settings, request, identity)
            self.alarms[quota.team] = _raise(inside, cluster_arn, quota.team, settings.drift.every_minutes, topic)

    def _look(self, scope: Construct, settings: GovernanceSettings, request: dict[str, Any], identity: str) -> None:
        # A rule for each quota: what a target is given may have 8192 characters.
        event = {"ComputeQuotaId": identity, "Request": request, "OnDrift": settings.drift.then.word}
        minutes = settings.drift.every_minutes
        events.Rule(
            scope,
            "Look",
            description=f"Compares the quota of {request['Name']} with what was deployed",
            schedule=events.Schedule.rate(cdk.Duration.minutes(minutes)),
            targets=[
                targets.LambdaFunction(
                    self.function.resource,
                    event=events.RuleTargetInput.from_object(event),
                    max_event_age=cdk.Duration.minutes(minutes),
                    retry_attempts=2,
                )
            ],
        )


def _raise(scope: Construct, cluster_arn: str, team: str, minutes: int, topic: sns.ITopic) -> cloudwatch.CfnAlarm:
    """One alarm a team: of the cluster's figure, looks at other quotas would hide the silence of one."""
    dimensions = {"ClusterArn": cluster_arn, "Team": team}
    return cloudwatch.CfnAlarm(
        scope,
        "Drift",
        alarm_description=f"The compute quota of {team} is not what was deployed, or nobody looked",
        namespace=NAMESPACE,
        metric_name=METRIC,
        dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name=name, value=it) for name, it in dimensions.items()],
        statistic="Maximum",
        # Two looks: one that comes late is not one that is missing.
        period=minutes * 60 * 2,
        evaluation_periods=1,
        threshold=0,
        comparison_operator="GreaterThanThreshold",
        treat_missing_data="breaching",
        alarm_actions=[topic.topic_arn],
        ok_actions=[topic.topic_arn],
    )

"""A workspace of Amazon Managed Service for Prometheus: what it keeps, what it tells, and who may write.

Source, read 2026-11-22: Amazon Managed Service for Prometheus User Guide: "Configure your workspace" (retention, 1 to
1095 days, 150 by default), "Create an alert manager configuration file", "Set up SNS", "Rule files".
"""

from __future__ import annotations

from typing import Self

import aws_cdk as cdk
from aws_cdk import aws_aps as aps
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.observability.alerts import RuleGroup, rule_file
from constructs_lib.retention import RETENTION, LogDays
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.symptoms import RUNBOOKS

MOST_DAYS = 1095
MOST_GROUPS = 50
"""Rule groups in a workspace's namespace, which this library fills; a workspace can have more by quota."""


class MetricsSettings(Value):
    """What Prometheus keeps and evaluates."""

    alias: str = Field(pattern=r"^[0-9A-Za-z][-.0-9A-Z_a-z]*$", max_length=100)
    """Name that people see."""
    days: int = Field(ge=1, le=MOST_DAYS)
    """Days that samples are kept; they are paid by the sample and by the month."""
    rules: tuple[RuleGroup, ...] = Field(default=(), max_length=MOST_GROUPS)
    """Rules; none by default. ``HARDWARE``, ``SLURM`` and ``KUEUE`` are ready."""
    most_series: int | None = Field(default=None, ge=1000)
    """Active series of one cluster (the label ``cluster``) from which on further ones are refused: what a label that
    grows without end may cost. The account's quota by default."""
    clusters: tuple[str, ...] = ()
    """Values of ``cluster`` that ``most_series`` is for."""
    log_days: LogDays
    """Days that Prometheus' own log (rules that fail, alerts that were not delivered) is kept."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [group.name for group in self.rules]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            reject("rules", twice[0], "a group has one name", "Rename one of them.")
        if (self.most_series is None) == bool(self.clusters):
            reject("most_series", self.most_series, "a limit is for clusters, and clusters are named for a limit",
                   "Give both, or none.")  # fmt: skip
        return self


class MetricsWorkspace(Construct):
    """Workspace, rules, alert manager, log."""

    resource: aps.CfnWorkspace

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: MetricsSettings,
        topic: sns.ITopic,
        key: kms.IKey,
        page: sns.ITopic | None = None,
        runbooks: str = RUNBOOKS,
    ) -> None:
        """Build it.

        Args:
            scope: Parent.
            construct_id: Construct id.
            settings: What is kept and evaluated.
            topic: Who is told of alerts: an ``AlertTopic``, or one that aps.amazonaws.com may publish to.
            page: Who is told of critical alerts; ``topic`` by default.
            runbooks: What a runbook's name is put behind in alerts; this repository's folder by default.
            key: Key of samples and log. The log service must be allowed to use it; another key is another workspace.
        """
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        log = logs.LogGroup(
            self,
            "Log",
            # Groups below this prefix do not fill up the account's resource policy of log deliveries.
            log_group_name=f"/aws/vendedlogs/prometheus/{stack.stack_name}/{settings.alias}",
            retention=RETENTION[settings.log_days],
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        limits = [
            aps.CfnWorkspace.LimitsPerLabelSetProperty(
                label_set=[aps.CfnWorkspace.LabelProperty(name="cluster", value=cluster)],
                limits=aps.CfnWorkspace.LimitsPerLabelSetEntryProperty(max_series=settings.most_series),
            )
            for cluster in settings.clusters
        ]
        self.resource = aps.CfnWorkspace(
            self,
            "Resource",
            alias=settings.alias,
            kms_key_arn=key.key_arn,
            alert_manager_definition=alert_manager((page or topic).topic_arn, topic.topic_arn, stack.region),
            logging_configuration=aps.CfnWorkspace.LoggingConfigurationProperty(log_group_arn=log.log_group_arn),
            workspace_configuration=aps.CfnWorkspace.WorkspaceConfigurationProperty(
                retention_period_in_days=settings.days, limits_per_label_sets=limits or None
            ),
        )
        if settings.rules:
            aps.CfnRuleGroupsNamespace(
                self, "Rules", name="trainyard", workspace=self.arn, data=rule_file(settings.rules, runbooks=runbooks)
            )

    @property
    def arn(self) -> str:
        """ARN of the workspace."""
        return self.resource.attr_arn

    @property
    def endpoint(self) -> str:
        """Address that queries and samples go to, with a slash at its end."""
        return self.resource.attr_prometheus_endpoint

    def grant_write(self, identity: iam.IGrantable) -> None:
        """Let ``identity``, the role of a cluster's nodes, send samples."""
        self._grant(identity, "aps:RemoteWrite")

    def grant_query(self, identity: iam.IGrantable) -> None:
        """Let ``identity`` read samples."""
        self._grant(identity, "aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics")

    def _grant(self, identity: iam.IGrantable, *actions: str) -> None:
        identity.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=[self.arn])
        )


def alert_manager(critical_arn: str, other_arn: str, region: str) -> str:
    """Definition of the alert manager: alerts of one cluster come together; what is critical is repeated sooner."""
    receivers = "\n".join(_receiver(*one, region) for one in (("critical", critical_arn), ("other", other_arn)))
    return f"""alertmanager_config: |
  route:
    receiver: other
    group_by: [cluster, alertname]
    group_wait: 30s
    group_interval: 5m
    repeat_interval: 12h
    routes:
      - receiver: critical
        repeat_interval: 1h
        matchers:
          - severity = "critical"
  receivers:
{receivers}
"""


def _receiver(name: str, topic_arn: str, region: str) -> str:
    """A topic. What people read of each alert is its state, what happened, and where to read on."""
    subject = "[{{ .CommonLabels.severity }}] {{ .CommonLabels.alertname }} {{ .CommonLabels.cluster }}"
    each = "{{ .Status }}: {{ .Annotations.summary }}. Runbook: {{ .Annotations.runbook }}"
    message = f'{{{{ range .Alerts }}}}{each}{{{{ "\\n" }}}}{{{{ end }}}}'
    return f"""    - name: {name}
      sns_configs:
        - topic_arn: {topic_arn}
          sigv4:
            region: {region}
          subject: '{subject}'
          message: '{message}'"""

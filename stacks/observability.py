"""Metrics, pages and alerts of an environment."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from constructs import Construct

from constructs_lib.encryption import let_log_service_use
from constructs_lib.observability import AlertTopic, GrafanaWorkspace, MetricImages, MetricsWorkspace
from constructs_lib.observability.dashboards import (
    ACCELERATORS,
    FABRIC,
    KUEUE,
    NODES,
    SLURM,
    TRAINING,
    PublishedDashboards,
)
from constructs_lib.operation import Notifications
from ml_contract import dashboards
from ml_contract.symptoms import NODE_LOST, RUNBOOKS
from stacks.base import EnvironmentStack
from stacks.environment import Environment
from stacks.watched import Observability, Watch

PAGES = (NODES, ACCELERATORS, FABRIC, SLURM, KUEUE, TRAINING)


class ObservabilityStack(EnvironmentStack):
    """One workspace for all clusters of the environment. People are told by the environment's topics, or by one of its
    own where it has none."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        settings: Observability,
        notifications: Notifications | None = None,
    ) -> None:
        super().__init__(scope, "Observability", environment=environment)
        key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=environment.removal,
                      description="Metrics, alerts and events of clusters")  # fmt: skip
        let_log_service_use(key)
        if notifications is None:
            topic = page = AlertTopic(self, "Alerts", key=key).topic
            self.output("AlertTopicArn", topic.topic_arn, "Subscribe to it: nobody is told otherwise")
        else:
            topic, page = notifications.topic(NODE_LOST.severity), notifications.topic("critical")
        runbooks = environment.operation.runbooks if environment.operation else RUNBOOKS
        workspace = MetricsWorkspace(self, "Metrics", settings=settings.metrics, topic=topic, page=page, key=key,
                                     runbooks=runbooks)  # fmt: skip
        images = MetricImages(self, "Images", key=key, removal=environment.removal, namespace=environment.namespace,
                              parameter=f"/trainyard/{environment.name}/clusters/images")  # fmt: skip
        self.watch = Watch(settings=settings, topic=topic, key=key, workspace=workspace, images=images)
        self.output("PrometheusEndpoint", workspace.endpoint, "Samples and queries")
        if settings.grafana is None:
            return
        grafana = GrafanaWorkspace(self, "Grafana", settings=settings.grafana, prometheus=workspace)
        PublishedDashboards(self, "Dashboards", dashboards=PAGES, path=dashboards.path(environment.name),
                            grafana=grafana.id, prometheus=workspace.endpoint)  # fmt: skip
        self.output("GrafanaEndpoint", grafana.resource.attr_endpoint, "Where pages are looked at")
        command = f"trainyard dashboards publish {environment.name}"
        self.output("DashboardsCommand", command, "Writes data source and pages into Grafana")

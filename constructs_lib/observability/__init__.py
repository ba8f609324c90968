"""What clusters and runs do, seen: metrics, dashboards, events, alarms."""

from constructs_lib.hyperpod.events import NodeHealth, Operations, StateChanges, Storm, Watched
from constructs_lib.observability.agents import PublishedAgents, agent_configuration
from constructs_lib.observability.alerts import AlertRule, RecordingRule, RuleGroup
from constructs_lib.observability.collector import ManagedCollector, collector_configuration
from constructs_lib.observability.grafana import (
    FromAnywhere,
    FromLists,
    GrafanaSettings,
    GrafanaWorkspace,
    IdentityCenter,
    Reach,
    Saml,
    SignIn,
)
from constructs_lib.observability.images import MetricImages
from constructs_lib.observability.page import CloudWatchPage
from constructs_lib.observability.prometheus import MetricsSettings, MetricsWorkspace
from constructs_lib.observability.rules import HARDWARE, KUEUE, SLURM, goodput, training
from constructs_lib.observability.watch import AlertTopic, ClusterWatch

__all__ = [
    "HARDWARE",
    "KUEUE",
    "SLURM",
    "AlertRule",
    "AlertTopic",
    "CloudWatchPage",
    "ClusterWatch",
    "FromAnywhere",
    "FromLists",
    "GrafanaSettings",
    "GrafanaWorkspace",
    "IdentityCenter",
    "ManagedCollector",
    "MetricImages",
    "MetricsSettings",
    "MetricsWorkspace",
    "NodeHealth",
    "Operations",
    "PublishedAgents",
    "Reach",
    "RecordingRule",
    "RuleGroup",
    "Saml",
    "SignIn",
    "StateChanges",
    "Storm",
    "Watched",
    "agent_configuration",
    "collector_configuration",
    "goodput",
    "training",
]

"""What people are told of a platform that runs: topics, and the alarms that reach them."""

from constructs_lib.operation.chat import Channel, SlackChannel, TeamsChannel
from constructs_lib.operation.clusters import ClusterAlarms
from constructs_lib.operation.endpoints import EndpointAlarms
from constructs_lib.operation.event_log import EventLog
from constructs_lib.operation.files import FileAlarms, MirrorAlarms
from constructs_lib.operation.notifications import SEVERITIES, Notifications
from constructs_lib.operation.pipelines import PipelineAlarms, WatchedPipeline
from constructs_lib.operation.publishing import Publisher, let_publish
from constructs_lib.operation.rates import SpotRate
from constructs_lib.operation.supplies import MeasuredBucket, SupplyAlarms
from constructs_lib.operation.telling import Figure, Telling

__all__ = [
    "SEVERITIES",
    "Channel",
    "ClusterAlarms",
    "EndpointAlarms",
    "EventLog",
    "Figure",
    "FileAlarms",
    "MeasuredBucket",
    "MirrorAlarms",
    "Notifications",
    "PipelineAlarms",
    "Publisher",
    "SlackChannel",
    "SpotRate",
    "SupplyAlarms",
    "TeamsChannel",
    "Telling",
    "WatchedPipeline",
    "let_publish",
]

"""Alarms of clusters, on what HyperPod tells of them (``constructs_lib.hyperpod.events``)."""

from __future__ import annotations

from constructs import Construct
from pydantic import Field

from constructs_lib.hyperpod.events import SOURCE, NodeHealth
from constructs_lib.operation.telling import Telling
from constructs_lib.values import Value
from ml_contract.symptoms import NODE_LOST


class ClusterAlarms(Value):
    """What is expected of clusters."""

    lost_nodes: int = Field(ge=1, le=10_000)
    """Reports of unhealthy nodes within the time from which on people are told."""
    minutes: int = Field(ge=1, le=1440)
    """In so many minutes."""

    def bind(self, scope: Construct, subject: str, cluster: str, telling: Telling) -> None:
        """Make the alarm of one cluster.

        Args:
            scope: Parent.
            subject: The cluster's name within the environment.
            cluster: Its name.
            telling: Who is told.
        """
        health = NodeHealth()
        pattern = {
            "source": [SOURCE],
            "detail-type": [health.detail_type],
            # By its name: what is made anew has another ARN, and the alarm is to be there before the cluster.
            "detail": {"ClusterName": [cluster], **health.detail()},
        }
        telling.count(scope, NODE_LOST, subject, pattern, minutes=self.minutes, events=self.lost_nodes)

"""Who is told what of an environment."""

from __future__ import annotations

from constructs import Construct

from constructs_lib.operation import EventLog, Notifications
from stacks.base import EnvironmentStack
from stacks.environment import Environment
from stacks.operated import Operation


class OperationStack(EnvironmentStack):
    """Three topics and the alarms that tell them."""

    def __init__(self, scope: Construct, *, environment: Environment, settings: Operation) -> None:
        super().__init__(scope, "Operation", environment=environment)
        self.notifications = Notifications(
            self, "Notifications", environment=environment.name, removal=environment.removal
        )
        self.events = EventLog(
            self, "Events", name=f"{environment.name}/operation", key=self.notifications.key, days=settings.log_days
        )
        for severity, topic in self.notifications.topics.items():
            name = f"{severity.capitalize()}TopicArn"
            self.output(name, topic.topic_arn, "Subscribe to it: nobody is told otherwise")

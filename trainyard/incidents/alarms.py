"""What alarms do and whom they tell, as CloudWatch and SNS say it themselves: nothing here sets a state."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Sequence
from typing import Any

from trainyard.incidents.scene import IncidentFailed, Scene
from trainyard.operations.connection import OperationError


class AlarmWatch:
    """The alarms of an incident, from before it begins."""

    def __init__(self, scene: Scene, names: Sequence[str]) -> None:
        """Look the alarms up.

        Raises:
            OperationError: One is not deployed.
        """
        self._scene, self._names = scene, tuple(names)
        self._client = scene.client("cloudwatch")
        states = self.states()
        for name in self._names:
            if name not in states:
                raise OperationError(
                    f"{name}: there is no such alarm. Deploy the environment anew: `trainyard local deploy`"
                )
        self._seen: dict[str, int] = {}
        self.begin()

    def begin(self) -> None:
        """Forget what was raised until now."""
        self._seen = {name: len(self._raised(name)) for name in self._names}

    def states(self) -> dict[str, str]:
        """State of each alarm that exists."""
        if not self._names:
            return {}  # CloudWatch takes no names for all of them
        found = self._client.describe_alarms(AlarmNames=list(self._names))["MetricAlarms"]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}

    def silent(self) -> bool:
        """Whether none of them is in ALARM."""
        return "ALARM" not in self.states().values()

    def fired(self) -> list[str]:
        """Those that went to ALARM since the watch began, also where they are OK again."""
        return [name for name in self._names if len(self._raised(name)) > self._seen[name]]

    def actions(self, name: str) -> list[str]:
        """ARNs of whom an alarm tells."""
        (alarm,) = self._client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return [str(arn) for arn in alarm["AlarmActions"]]

    def reason(self, name: str) -> str:
        """What the alarm last went to ALARM for."""
        return str(self._raised(name)[0]["newState"]["stateReason"])

    def _raised(self, name: str) -> list[dict[str, Any]]:
        """Changes to ALARM, the newest first."""
        pages = self._client.get_paginator("describe_alarm_history").paginate(
            AlarmName=name, HistoryItemType="StateUpdate"
        )
        changes = [json.loads(item["HistoryData"]) for page in pages for item in page["AlarmHistoryItems"]]
        return [change for change in changes if change["newState"]["stateValue"] == "ALARM"]


class Subscriber:
    """Somebody who has subscribed to topics for as long as an incident is played: a queue."""

    def __init__(self, scene: Scene, topics: Sequence[str]) -> None:
        """Subscribe; the scene ends it.

        Args:
            scene: Where it is played.
            topics: ARNs of the topics.
        """
        sns, self._sqs = scene.client("sns"), scene.client("sqs")
        name = f"trainyard-incident-{uuid.uuid4().hex[:8]}"
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        scene.afterwards(lambda: self._sqs.delete_queue(QueueUrl=self._queue))
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        arn = attributes["QueueArn"]
        allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
                   "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": list(topics)}}}  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        for topic in topics:
            subscribed = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)[
                "SubscriptionArn"
            ]
            scene.afterwards(functools.partial(sns.unsubscribe, SubscriptionArn=subscribed))
        self._messages: list[tuple[str, str]] = []

    def told(self, alarm: str) -> str | None:
        """Name of the topic that told of an alarm, once one has."""
        for topic, message in self._received():
            document = _document(message)
            if document.get("AlarmName") == alarm and document.get("NewStateValue") == "ALARM":
                return topic
        return None

    def heard(self, text: str) -> list[str]:
        """Names of the topics that told of something with these words in it."""
        return [topic for topic, message in self._received() if text in message]

    def _received(self) -> list[tuple[str, str]]:
        """Topic and message of everything so far."""
        answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            envelope = json.loads(message["Body"])
            self._messages.append((envelope["TopicArn"].rpartition(":")[2], envelope["Message"]))
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return self._messages


def topics_of(watch: AlarmWatch, alarms: Sequence[str]) -> list[str]:
    """Topics that alarms tell.

    Raises:
        IncidentFailed: An alarm tells nobody.
    """
    found: list[str] = []
    for alarm in alarms:
        told = [arn for arn in watch.actions(alarm) if ":sns:" in arn]
        if not told:
            raise IncidentFailed(f"{alarm}: it tells no topic, so nobody would hear of it")
        found += [arn for arn in told if arn not in found]
    return found


def _document(message: str) -> dict[str, Any]:
    """A message of CloudWatch; what others publish need be no document."""
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

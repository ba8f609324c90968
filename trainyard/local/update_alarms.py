"""The alarms of an update, of an endpoint or of a cluster's software: one that goes off takes the update back."""

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trainyard.local.api.errors import ServiceError


class RolledBack(Exception):
    """The update is taken back; the message says why."""


class Alarms:
    """The alarms of an update, read with the rights of the role that the update works as."""

    def __init__(self, client: Callable[[], Any], names: Sequence[str]) -> None:
        """Composes it.

        Args:
            client: gives the role's CloudWatch client.
            names: the alarms; they exist.
        """
        self._client, self._names = client, list(names)

    def check(self) -> None:
        """Looks once.

        Raises:
            RolledBack: one is in ALARM, or they cannot be read.
        """
        if not self._names:
            return
        kinds = ["MetricAlarm", "CompositeAlarm"]
        try:
            found = self._client().describe_alarms(AlarmNames=self._names, AlarmTypes=kinds)
        except (ClientError, BotoCoreError, ServiceError) as error:
            raise RolledBack(f"the alarms cannot be read: {error}") from error
        states = {row["AlarmName"]: row["StateValue"] for kind in kinds for row in found.get(f"{kind}s", [])}
        missing = [name for name in self._names if name not in states]
        if missing:
            raise RolledBack(f"the alarm {missing[0]} does not exist any more")
        tripped = [name for name in self._names if states[name] == "ALARM"]
        if tripped:
            raise RolledBack(f"One or more configured alarms are in ALARM state. Alarm list: [{', '.join(tripped)}]")

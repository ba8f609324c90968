"""Software updates by the calendar: ScheduledUpdateConfig.

AWS does not say what becomes of a time at which the cluster takes no update. Here the update waits until it does.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.clusters.documents import Roster, name_of
from trainyard.local.clusters.events import Events
from trainyard.local.clusters.software_plan import begin
from trainyard.local.clusters.update_rules import schedule

_MINUTE = 60
_LONGEST_MINUTES = 24 * 60
"""How far a look reaches back where the clock has leapt, in minutes; a time before that is missed."""


class Schedules:
    """The scheduled updates of one cluster's groups. A group whose time has come is `Due` until its update begins."""

    def __init__(self, context: Context, roster: Roster, events: Events) -> None:
        """Begins to watch the clock: what was due before is missed."""
        self._now, self._roster, self._events = context.now, roster, events
        self._looked = int(context.now() // _MINUTE)

    def look(self, cluster: Mapping[str, Any]) -> None:
        """Looks once."""
        minute = int(self._now() // _MINUTE)
        first, self._looked = max(self._looked + 1, minute - _LONGEST_MINUTES), max(self._looked, minute)
        due = [name_of(group) for group in cluster["Groups"] if _comes(group["Spec"], first, minute)]
        for name in due:
            self._roster.edit_group(name, Due=True)
            self._events.group(name, "Scheduled software update is due")
        waiting = due or any(group.get("Due") for group in cluster["Groups"])
        if waiting and cluster["ClusterStatus"] == "InService":
            self._roster.edit(self._begin)

    def _begin(self, cluster: dict[str, Any]) -> None:
        if cluster["ClusterStatus"] != "InService":
            return
        nodes = self._roster.nodes(cluster)
        for group in cluster["Groups"]:
            if group.pop("Due", False):
                how = group["Spec"].get("ScheduledUpdateConfig", {}).get("DeploymentConfig", {})
                begin(cluster, name_of(group), how, nodes)


def _comes(spec: Mapping[str, Any], first: int, last: int) -> bool:
    config = spec.get("ScheduledUpdateConfig")
    if config is None or first > last:
        return False
    cron = schedule("ScheduledUpdateConfig.ScheduleExpression", config["ScheduleExpression"])
    return any(cron.matches(datetime.fromtimestamp(minute * _MINUTE, UTC)) for minute in range(first, last + 1))

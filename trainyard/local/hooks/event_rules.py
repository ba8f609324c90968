"""What EventBridge does beside what the emulator's does: it counts what rules match, and writes into log groups.

Sources, read 2026-11-22: "Monitoring Amazon EventBridge" (MatchedEvents by RuleName; with EventBusName besides for
buses of one's own) and "Permissions for CloudWatch Logs resources", EventBridge User Guide: a group takes events where
a resource policy of the log service lets both principals write.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs, eventbridge

from trainyard.local.cloudformation.logs import group_arn

_WRITERS = ("events.amazonaws.com", "delivery.logs.amazonaws.com")
_log = logging.getLogger(__name__)


def install() -> None:
    """Puts the hooks in their places."""
    eventbridge._matches_pattern_view = _counted(eventbridge._matches_pattern_view)
    eventbridge._invoke_target = _into_logs(eventbridge._invoke_target)


def _counted(original: Any) -> Any:
    @functools.wraps(original)
    def matches(pattern: str, view: Any, owner: str = "rule") -> bool:
        found = bool(original(pattern, view, owner))
        kind, _, key = owner.partition(" ")
        rule = eventbridge._rules.get(key) if found and kind == "rule" else None
        if rule is not None:
            bus = rule.get("EventBusName", "default")
            named = {} if bus == "default" else {"EventBusName": bus}
            dimensions = {**named, "RuleName": rule["Name"]}
            cloudwatch._store_datum("AWS/Events", "MatchedEvents", dimensions, time.time(), "Count", 1.0, None, None,
                                    None)  # fmt: skip
        return found

    return matches


def _into_logs(original: Any) -> Any:
    @functools.wraps(original)
    def invoke(target: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, Any], view: Any = None) -> None:
        arn = str(target.get("Arn", ""))
        if not arn.startswith("arn:aws:logs:"):
            original(target, event, rule, view)
            return
        group = arn.split(":log-group:", 1)[-1].removesuffix(":*")
        if not _lets_write(group, rule["Arn"]):
            _log.warning("no resource policy lets the rule %s write into %s: its events are lost", rule["Name"], group)
            return
        text = json.dumps((view or eventbridge._pattern_event_view(event)).event_with_detail())
        stream = event["EventId"]
        cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
        line = {"timestamp": int(time.time() * 1000), "message": text}
        cloudwatch_logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": [line]})

    return invoke


def _lets_write(group: str, rule_arn: str) -> bool:
    statements = [
        statement
        for policy in cloudwatch_logs._resource_policies.values()
        for statement in json.loads(policy["policyDocument"])["Statement"]
    ]
    return all(
        any(_allows(statement, writer, action, group, rule_arn) for statement in statements)
        for writer in _WRITERS
        for action in ("logs:CreateLogStream", "logs:PutLogEvents")
    )


def _allows(statement: Mapping[str, Any], writer: str, action: str, group: str, rule_arn: str) -> bool:
    def listed(value: Any) -> list[str]:
        return value if isinstance(value, list) else [value]

    named = statement.get("Principal", {}).get("Service", [])
    if statement["Effect"] != "Allow" or writer not in listed(named) or action not in listed(statement["Action"]):
        return False
    if not any(fnmatch.fnmatchcase(f"{group_arn(group)}:*", one) for one in listed(statement["Resource"])):
        return False
    wanted = statement.get("Condition", {})
    sources = [
        one
        for operator in ("ArnEquals", "ArnLike")
        for one in listed(wanted.get(operator, {}).get("aws:SourceArn", []))
    ]
    return not sources or any(fnmatch.fnmatchcase(rule_arn, one) for one in sources)

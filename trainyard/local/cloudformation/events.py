"""EventBridge rules with their targets."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from ministack.core.responses import get_account_id, get_region

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.resource import (
    ALL,
    TAGS,
    Properties,
    Request,
    Resource,
    tag_changes,
    tag_list,
    unless_gone,
)

_DEFAULT = "default"
_FIELDS = ("Description", "EventPattern", "RoleArn", "ScheduleExpression", "State")
_GONE = ["ResourceNotFoundException"]


class Rule(Resource):
    type = "AWS::Events::Rule"
    custom_name = "Name"
    applied: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(_FIELDS, ALL),
        "EventBusName": ALL,
        "Name": ALL,
        "Tags": TAGS,
        "Targets": {
            "Arn": ALL,
            "DeadLetterConfig": ALL,
            "Id": ALL,
            "Input": ALL,
            "InputPath": ALL,
            "InputTransformer": ALL,
            "RetryPolicy": ALL,
            "RoleArn": ALL,
        },
    }

    def make(self, request: Request) -> str:
        name, bus = request.name("Name", limit=64), request.properties.get("EventBusName", _DEFAULT)
        self._put(name, bus, request.properties, tag_list(request.properties))
        # What Ref gives: the name, with the bus before it where it is not the default one.
        return name if bus == _DEFAULT else f"{bus}|{name}"

    @staticmethod
    def _named(identity: str) -> tuple[str, str]:
        bus, _, name = identity.rpartition("|")
        return name, bus or _DEFAULT

    @staticmethod
    def _put(name: str, bus: str, properties: Properties, labels: list[dict[str, str]]) -> None:
        if not {"EventPattern", "ScheduleExpression"} & set(properties):
            raise CallError("EventPattern and ScheduleExpression: one of them must be given", "ValidationException")
        # A put keeps what it does not name: what the template leaves out is named empty.
        given = {
            "State": "ENABLED",
            "Description": "",
            **{key: properties[key] for key in _FIELDS if key in properties},
        }
        if "EventPattern" in given and not isinstance(given["EventPattern"], str):
            given["EventPattern"] = json.dumps(given["EventPattern"])
        call("events", "PutRule", Name=name, EventBusName=bus, Tags=labels or None, **given)

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        name, bus = self._named(identity)
        if old and any(old.get(field) != new.get(field) for field in _FIELDS):
            self._put(name, bus, new, [])
        before, after = ({row["Id"]: row for row in of.get("Targets", [])} for of in (old, new))
        gone = sorted(before.keys() - after.keys())
        if gone:
            call("events", "RemoveTargets", Rule=name, EventBusName=bus, Ids=gone)
        changed = [row for key, row in after.items() if before.get(key) != row]
        if changed:
            call("events", "PutTargets", Rule=name, EventBusName=bus, Targets=changed)
        add, remove = tag_changes(old, new) if old else ([], [])
        if remove:
            call("events", "UntagResource", ResourceARN=self._arn(identity), TagKeys=remove)
        if add:
            call("events", "TagResource", ResourceARN=self._arn(identity), Tags=add)

    def _arn(self, identity: str) -> str:
        name, bus = self._named(identity)
        path = name if bus == _DEFAULT else f"{bus}/{name}"
        return f"arn:aws:events:{get_region()}:{get_account_id()}:rule/{path}"

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": self._arn(identity)}

    def remove(self, identity: str, properties: Properties) -> None:
        name, bus = self._named(identity)
        ids = [row["Id"] for row in properties.get("Targets", [])]
        if ids:
            unless_gone(_GONE, "events", "RemoveTargets", Rule=name, EventBusName=bus, Ids=ids)
        unless_gone(_GONE, "events", "DeleteRule", Name=name, EventBusName=bus)


TYPES = (Rule,)

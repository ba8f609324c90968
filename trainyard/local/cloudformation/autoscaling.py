"""Application Auto Scaling: targets with their scheduled actions, and policies."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError
from trainyard.local.cloudformation.resource import ALL, Properties, Request, tag_changes, tag_list
from trainyard.local.cloudformation.served_resource import ServedResource

SERVICE = "application-autoscaling"
_TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_REGISTERED = ("MinCapacity", "MaxCapacity", "RoleARN", "SuspendedState")
_GONE = "ObjectNotFoundException"


class _Scaling(ServedResource):
    """A type of Application Auto Scaling's."""

    service_name = SERVICE

    def unless_gone(self, operation: str, **parameters: Any) -> None:
        """Calls a delete; what is gone already is no error."""
        try:
            self.call(operation, **parameters)
        except CallError as error:
            if error.code != _GONE:
                raise


def target_of(identity: str) -> dict[str, str]:
    """The three names of a scalable target, from what Ref gives: `resource|dimension|namespace`.

    Raises:
        CallError: It is something else.
    """
    parts = identity.split("|")
    if len(parts) != 3:
        raise CallError(f"ScalingTargetId: got {identity!r}, which is no scalable target", "ValidationException")
    return {"ResourceId": parts[0], "ScalableDimension": parts[1], "ServiceNamespace": parts[2]}


class ScalableTarget(_Scaling):
    type = "AWS::ApplicationAutoScaling::ScalableTarget"
    applied: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys((*_TARGET, "MinCapacity", "MaxCapacity", "RoleARN"), ALL),
        "ScheduledActions": {
            "EndTime": ALL,
            "ScalableTargetAction": {"MaxCapacity": ALL, "MinCapacity": ALL},
            "Schedule": ALL,
            "ScheduledActionName": ALL,
            "StartTime": ALL,
            "Timezone": ALL,
        },
        "SuspendedState": {
            "DynamicScalingInSuspended": ALL,
            "DynamicScalingOutSuspended": ALL,
            "ScheduledScalingSuspended": ALL,
        },
        "Tags": {"Key": ALL, "Value": ALL},
    }

    def make(self, request: Request) -> str:
        given = request.properties
        labels = {tag["Key"]: tag["Value"] for tag in tag_list(given)}
        registered = {name: given[name] for name in (*_TARGET, *_REGISTERED) if name in given}
        self.call("RegisterScalableTarget", **registered, **({"Tags": labels} if labels else {}))
        return "|".join(given[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        target = target_of(identity)
        if old:
            self._change(target, old, new)
        before, after = ({row["ScheduledActionName"]: row for row in of.get("ScheduledActions", [])}
                         for of in (old, new))  # fmt: skip
        for name in before.keys() - after.keys():
            self.unless_gone("DeleteScheduledAction", **target, ScheduledActionName=name)
        for name, row in after.items():
            if before.get(name) != row:
                # A put keeps what it does not name: an action that changes is made anew.
                if name in before:
                    self.unless_gone("DeleteScheduledAction", **target, ScheduledActionName=name)
                self.call("PutScheduledAction", **target, **_times(row))

    def _change(self, target: Mapping[str, str], old: Properties, new: Properties) -> None:
        if any(old.get(name) != new.get(name) for name in _REGISTERED):
            registered = {name: new[name] for name in _REGISTERED if name in new}
            self.call("RegisterScalableTarget", **target, **{"SuspendedState": {}, **registered})
        add, remove = tag_changes(old, new)
        if add or remove:
            arn = self._describe(target)["ScalableTargetARN"]
            if remove:
                self.call("UntagResource", ResourceARN=arn, TagKeys=remove)
            if add:
                self.call("TagResource", ResourceARN=arn, Tags={tag["Key"]: tag["Value"] for tag in add})

    def _describe(self, target: Mapping[str, str]) -> dict[str, Any]:
        given = {**target, "ResourceIds": [target["ResourceId"]]}
        del given["ResourceId"]
        found: dict[str, Any] = self.call("DescribeScalableTargets", **given)["ScalableTargets"][0]
        return found

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Id": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        self.unless_gone("DeregisterScalableTarget", **target_of(identity))


class ScalingPolicy(_Scaling):
    type = "AWS::ApplicationAutoScaling::ScalingPolicy"
    tag_shape = None
    _fields = ("PolicyType", "StepScalingPolicyConfiguration", "TargetTrackingScalingPolicyConfiguration")
    applied: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys((*_TARGET, "PolicyName", "ScalingTargetId"), ALL),
        **dict.fromkeys(_fields, ALL),
    }

    def make(self, request: Request) -> str:
        return self._put(request.properties)

    def _put(self, properties: Properties) -> str:
        target = self._target(properties)
        fields = {name: properties[name] for name in self._fields if name in properties}
        return str(self.call("PutScalingPolicy", **target, PolicyName=properties["PolicyName"], **fields)["PolicyARN"])

    @staticmethod
    def _target(properties: Properties) -> dict[str, str]:
        given = [name for name in _TARGET if name in properties]
        if ("ScalingTargetId" in properties) == bool(given) or (given and len(given) < len(_TARGET)):
            raise CallError(
                f"ScalingTargetId: give it, or all of {', '.join(_TARGET)}, and not both", "ValidationException"
            )
        if given:
            return {name: str(properties[name]) for name in _TARGET}
        return target_of(str(properties["ScalingTargetId"]))

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old and any(old.get(name) != new.get(name) for name in self._fields):
            self._put(new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        self.unless_gone("DeleteScalingPolicy", **self._target(properties), PolicyName=properties["PolicyName"])


def _times(row: Mapping[str, Any]) -> dict[str, Any]:
    """A scheduled action with its times as the service takes them: seconds since 1970."""
    made = dict(row)
    for name in ("StartTime", "EndTime"):
        if name in made:
            try:
                made[name] = datetime.fromisoformat(str(made[name]).replace("Z", "+00:00")).timestamp()
            except ValueError as error:
                raise CallError(f"{name}: got {made[name]!r}, but a time is wanted", "ValidationException") from error
    return made


TYPES = (ScalableTarget, ScalingPolicy)

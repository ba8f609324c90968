"""CloudWatch alarms."""
# ruff: noqa: ARG002  (handlers keep the signature of the base class)

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

_FIELDS = (
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluateLowSampleCountPercentile",
    "EvaluationPeriods",
    "ExtendedStatistic",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
    "Unit",
)
_NEEDED = ("ComparisonOperator", "EvaluationPeriods", "MetricName", "Namespace", "Period", "Threshold")
_TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")
# PutMetricAlarm, Period (CloudWatch API reference), read 2026-11.
_SHORT_PERIODS = (10, 20, 30)
_LONGEST_SECONDS = 7 * 86400


def alarm_arn(name: str) -> str:
    """An alarm's ARN."""
    return f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"


class Alarm(Resource):
    type = "AWS::CloudWatch::Alarm"
    custom_name = "AlarmName"
    applied: ClassVar[Mapping[str, Any]] = {**dict.fromkeys(_FIELDS, ALL), "AlarmName": ALL, "Tags": TAGS}

    def make(self, request: Request) -> str:
        name = request.name("AlarmName", limit=255)
        self._put(name, request.properties)
        labels = tag_list(request.properties)
        if labels:
            call("cloudwatch", "TagResource", ResourceARN=alarm_arn(name), Tags=labels)
        return name

    def _put(self, name: str, properties: Properties) -> None:
        for field in _NEEDED:
            if field not in properties:
                raise CallError(f"{field}: it is missing, but an alarm of one metric needs it", "ValidationError")
        if ("Statistic" in properties) == ("ExtendedStatistic" in properties):
            raise CallError("Statistic and ExtendedStatistic: one of them must be given", "ValidationError")
        period, count = int(properties["Period"]), int(properties["EvaluationPeriods"])
        if period not in _SHORT_PERIODS and (period <= 0 or period % 60):
            raise CallError(f"Period: got {period}, but it is 10, 20, 30 or a multiple of 60 s", "ValidationError")
        if period * count > _LONGEST_SECONDS:
            raise CallError(f"Period: {count} periods of {period} s are longer than a week", "ValidationError")
        wanted = int(properties.get("DatapointsToAlarm", count))
        if not 1 <= wanted <= count:
            raise CallError(f"DatapointsToAlarm: got {wanted}, but EvaluationPeriods is {count}", "ValidationError")
        if properties.get("TreatMissingData", "missing") not in _TREATMENTS:
            raise CallError(f"TreatMissingData: it is one of {', '.join(_TREATMENTS)}", "ValidationError")
        given = {field: properties[field] for field in _FIELDS if field in properties}
        call("cloudwatch", "PutMetricAlarm", AlarmName=name, **given)

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if not old:
            return
        if any(old.get(field) != new.get(field) for field in _FIELDS):
            self._put(identity, new)
        add, remove = tag_changes(old, new)
        if remove:
            call("cloudwatch", "UntagResource", ResourceARN=alarm_arn(identity), TagKeys=remove)
        if add:
            call("cloudwatch", "TagResource", ResourceARN=alarm_arn(identity), Tags=add)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": alarm_arn(identity)}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["ResourceNotFound"], "cloudwatch", "DeleteAlarms", AlarmNames=[identity])


TYPES = (Alarm,)

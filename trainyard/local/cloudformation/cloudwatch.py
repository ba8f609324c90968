"""CloudWatch alarms and dashboards."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from ministack.core.responses import get_account_id, get_region

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.resource import (
    ALL,
    TAGS,
    Properties,
    Request,
    Resource,
    retag_by_arn,
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


def dashboard_arn(name: str) -> str:
    """A dashboard's ARN; dashboards have no region."""
    return f"arn:aws:cloudwatch::{get_account_id()}:dashboard/{name}"


_tag = partial(retag_by_arn, service="cloudwatch", on="TagResource", off="UntagResource", field="ResourceARN")
"""Brings the tags of a resource, by its ARN, from old to new properties."""


class Alarm(Resource):
    type = "AWS::CloudWatch::Alarm"
    custom_name = "AlarmName"
    applied: ClassVar[Mapping[str, Any]] = {**dict.fromkeys(_FIELDS, ALL), "AlarmName": ALL, "Tags": TAGS}

    def make(self, request: Request) -> str:
        name = request.name("AlarmName", limit=255)
        self._put(name, request.properties)
        _tag(alarm_arn(name), {}, request.properties)
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
        _tag(alarm_arn(identity), old, new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": alarm_arn(identity)}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["ResourceNotFound"], "cloudwatch", "DeleteAlarms", AlarmNames=[identity])


def _page(properties: Properties) -> str:
    """A dashboard's body; CloudWatch takes no other than an object with widgets."""
    text = str(properties["DashboardBody"])
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise CallError(f"DashboardBody: {error}", "InvalidParameterInput") from error
    if not isinstance(body, dict) or not isinstance(body.get("widgets"), list):
        raise CallError("DashboardBody: it is an object with an array of widgets", "InvalidParameterInput")
    return text


class Dashboard(Resource):
    type = "AWS::CloudWatch::Dashboard"
    custom_name = "DashboardName"
    applied: ClassVar[Mapping[str, Any]] = {"DashboardBody": ALL, "DashboardName": ALL, "Tags": TAGS}

    def make(self, request: Request) -> str:
        name = request.name("DashboardName", limit=255)
        call("cloudwatch", "PutDashboard", DashboardName=name, DashboardBody=_page(request.properties))
        _tag(dashboard_arn(name), {}, request.properties)
        return name

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if not old:
            return
        if old["DashboardBody"] != new["DashboardBody"]:
            call("cloudwatch", "PutDashboard", DashboardName=identity, DashboardBody=_page(new))
        _tag(dashboard_arn(identity), old, new)

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["ResourceNotFound", "DashboardNotFoundError"], "cloudwatch", "DeleteDashboards",
                    DashboardNames=[identity])  # fmt: skip


TYPES = (Alarm, Dashboard)

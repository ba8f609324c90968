"""Schedules that monitor endpoints: jobs at a rhythm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainyard.cost.estimators.base import Around, Estimator, unknown
from trainyard.cost.estimators.properties import number, text
from trainyard.cost.lines import HOURS_A_MONTH, Line
from trainyard.cost.templates import Resource


class MonitoringSchedule(Estimator):
    """Processing jobs at the rhythm of its schedule; their cluster stands in a job definition or in the schedule."""

    types = ("AWS::SageMaker::MonitoringSchedule",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        config = resource.properties.get("MonitoringScheduleConfig") or {}
        rhythm = (config.get("ScheduleConfig") or {}).get("ScheduleExpression", "")
        jobs = _jobs_a_month(str(rhythm))
        found = _job(config, around)
        if found is None or jobs is None:
            why = "their definition or their rhythm is not in the template"
            yield unknown(f"monitoring jobs, {rhythm or 'once'}", why)
            return
        cluster, stop = found
        limit = number(stop, "MaxRuntimeInSeconds", 3600) / 3600
        kind, count = text(cluster, "InstanceType"), number(cluster, "InstanceCount", 1)
        hours = jobs * count * limit * around.assumptions["run_share"]
        what = f"{jobs:.3g} monitoring jobs a month on {count:g} × {kind}, for their whole time limit"
        line = around.run(what, f"{kind}/processing", hours, "run_share")
        yield line if line.run is None else line.as_use()


def _job(config: Mapping[str, Any], around: Around) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Cluster and time limit of its jobs: from its own definition, or from the one that it names."""
    inline = config.get("MonitoringJobDefinition")
    if inline:
        resources, stop = inline.get("MonitoringResources"), inline.get("StoppingCondition")
    else:
        name = str(config.get("MonitoringJobDefinitionName", ""))
        definition = next(
            (each for each in around.template.resources.values() if f"${{{each.logical_id}" in name), None
        )
        if definition is None:
            return None
        resources, stop = definition.properties.get("JobResources"), definition.properties.get("StoppingCondition")
    return (resources or {}).get("ClusterConfig") or {}, stop or {}


def _jobs_a_month(expression: str) -> float | None:
    """How often a schedule runs; Model Monitor knows whole hours, an hour of a day, or now."""
    fields = expression.removeprefix("cron(").removesuffix(")").split()
    if len(fields) != 6:
        return None
    hour = fields[1]
    if hour == "*":
        return HOURS_A_MONTH
    if "/" in hour:
        return HOURS_A_MONTH / float(hour.partition("/")[2])
    return HOURS_A_MONTH / 24 if hour.isdigit() else None

"""What jobs that watch models bill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.trainyard.cost.scenes import estimated, lines
from trainyard.cost.lines import Kind, Range

MONITORED = {"ClusterConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1}}
INLINE = {"MonitoringJobDefinition": {"MonitoringResources": MONITORED,
                                      "StoppingCondition": {"MaxRuntimeInSeconds": 1800}}}  # fmt: skip
NAMED = {"MonitoringJobDefinitionName": {"Fn::GetAtt": ["Job", "JobDefinitionArn"]}}


@pytest.mark.parametrize(("config", "cron", "hours"), [
    (INLINE, "cron(0 * ? * * *)", 730 / 2),
    (INLINE, "cron(0 3 ? * * *)", 730 / 24 / 2),
    (INLINE, "cron(0 0/6 ? * * *)", 730 / 6 / 2),
    (NAMED, "cron(0 * ? * * *)", 730),
])  # fmt: skip
def test_monitoring_jobs_bill_at_the_rhythm_of_their_schedule(
    tmp_path: Path, config: dict[str, Any], cron: str, hours: float
) -> None:
    schedule = {"MonitoringScheduleConfig": config | {"ScheduleConfig": {"ScheduleExpression": cron}}}
    job = {"Type": "AWS::SageMaker::DataQualityJobDefinition", "Properties": {"JobResources": MONITORED}}
    resources = {"Schedule": {"Type": "AWS::SageMaker::MonitoringSchedule", "Properties": schedule}, "Job": job}
    (line,) = lines(estimated(tmp_path, resources), "Schedule")
    assert (line.kind, line.run) == (Kind.USE, None)
    assert line.monthly == Range.of(pytest.approx(hours))


def test_a_schedule_whose_definition_is_elsewhere_is_unknown(tmp_path: Path) -> None:
    schedule = {"MonitoringScheduleConfig": {"MonitoringJobDefinitionName": "of-another"}}
    (line,) = lines(estimated(tmp_path, {"It": {"Type": "AWS::SageMaker::MonitoringSchedule",
                                                "Properties": schedule}}), "It")  # fmt: skip
    assert line.kind is Kind.UNKNOWN

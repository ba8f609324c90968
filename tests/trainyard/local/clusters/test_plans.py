"""Instances that a training plan has reserved: while it lasts, no more than it has, and where it has them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.trainyard.local.clusters.stand_in import WEDNESDAY, Cloud, group

HOUR = 3600.0
TYPE = "ml.p5.48xlarge"


def reserve(cloud: Cloud, *, count: int = 2, start: float = WEDNESDAY, name: str = "reserved", zone: int = 0) -> str:
    asked = {"InstanceType": TYPE, "InstanceCount": count, "DurationHours": 24, "StartTimeAfter": start}
    offered = cloud.call("SearchTrainingPlanOfferings", TargetResources=["hyperpod-cluster"], **asked)
    identity = offered["TrainingPlanOfferings"][zone]["TrainingPlanOfferingId"]
    made = cloud.call("CreateTrainingPlan", TrainingPlanName=name, TrainingPlanOfferingId=identity)
    return str(made["TrainingPlanArn"])


def reserved(arn: str, count: int = 2, **fields: Any) -> dict[str, Any]:
    return group("reserved", count, InstanceType=TYPE, TrainingPlanArn=arn, **fields)


def shown(cloud: Cloud) -> tuple[Any, ...]:
    found = next(row for row in cloud.describe()["InstanceGroups"] if row["InstanceGroupName"] == "reserved")
    return found["TrainingPlanStatus"], found["Status"], found["CurrentCount"], found["TargetCount"]


def test_a_group_has_its_instances_from_the_plan_s_beginning_to_half_an_hour_before_its_end(cloud: Cloud) -> None:
    arn = reserve(cloud, start=WEDNESDAY + HOUR)
    cloud.create(group("head", 1), reserved(arn))
    cloud.until(lambda: shown(cloud) == ("Scheduled", "InService", 0, 2))
    cloud.time = WEDNESDAY + HOUR
    cloud.until(lambda: shown(cloud) == ("Active", "InService", 2, 2))
    plan = cloud.call("DescribeTrainingPlan", TrainingPlanName=arn)
    assert (plan["Status"], plan["InUseInstanceCount"], plan["AvailableInstanceCount"]) == ("Active", 2, 0)
    cloud.time = WEDNESDAY + 24.4 * HOUR
    assert shown(cloud)[2] == 2
    cloud.time = WEDNESDAY + 24.5 * HOUR
    cloud.until(lambda: shown(cloud) == ("Active", "InService", 0, 2))
    cloud.time = WEDNESDAY + 25 * HOUR
    assert shown(cloud)[0] == "Expired"
    assert [machine.slot.group for machine in cloud.place.alive()] == ["head"]


def test_an_update_gives_a_group_a_plan_and_takes_it_back(cloud: Cloud) -> None:
    arn = reserve(cloud)
    cloud.create(group("reserved", 2, InstanceType=TYPE))
    cloud.call("UpdateCluster", ClusterName="c", InstanceGroups=[reserved(arn)])
    cloud.settled("InService")
    listed = cloud.call("ListClusters", TrainingPlanArn=arn)["ClusterSummaries"]
    assert [row["TrainingPlanArns"] for row in listed] == [[arn]]
    cloud.call("UpdateCluster", ClusterName="c", InstanceGroups=[group("reserved", 2, InstanceType=TYPE)])
    assert cloud.call("ListClusters", TrainingPlanArn=arn)["ClusterSummaries"] == []


@pytest.mark.parametrize(
    ("count", "fields", "said"),
    [
        (3, {}, "InstanceGroups[0].InstanceCount: got 3, but of 2 instances that"),
        (1, {"InstanceType": "ml.p4d.24xlarge"}, "reserves ml.p5.48xlarge"),
        (1, {"TrainingPlanArn": "arn:aws:sagemaker:us-east-1:123456789012:training-plan/none"}, "no such training"),
    ],
)  # fmt: skip
def test_what_a_plan_has_not_reserved_is_refused(cloud: Cloud, count: int, fields: dict[str, Any], said: str) -> None:
    asked = {**reserved(reserve(cloud), count), **fields}
    assert said in cloud.refused("CreateCluster", InstanceGroups=[asked]).message


def test_two_clusters_share_what_a_plan_has(cloud: Cloud) -> None:
    arn = reserve(cloud, count=3)
    cloud.create(reserved(arn, 2))
    with pytest.raises(Exception, match=r"got 2, but of 3 instances that .* reserves 1 are free"):
        cloud.call("CreateCluster", ClusterName="d", InstanceGroups=[reserved(arn, 2)])
    cloud.time += 25 * HOUR
    with pytest.raises(Exception, match=r"which is Expired\. Name a plan that is not"):
        cloud.call("CreateCluster", ClusterName="d", InstanceGroups=[reserved(arn, 1)])
    cloud.call("UpdateCluster", ClusterName="c", InstanceGroups=[group("more", 1)])
    cloud.settled("InService")


def test_plans_are_listed_and_names_are_taken_once(cloud: Cloud) -> None:
    later = reserve(cloud, name="later", start=WEDNESDAY + HOUR)
    now = reserve(cloud, name="now")
    rows = cloud.call("ListTrainingPlans", SortBy="StartTime")["TrainingPlanSummaries"]
    assert [(row["TrainingPlanArn"], row["Status"]) for row in rows] == [(now, "Active"), (later, "Scheduled")]
    active = cloud.call("ListTrainingPlans", Filters=[{"Name": "Status", "Value": "Active"}])
    assert [row["TrainingPlanArn"] for row in active["TrainingPlanSummaries"]] == [now]
    with pytest.raises(Exception, match="a plan has that name"):
        reserve(cloud, name="now")

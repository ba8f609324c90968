"""Training plans as clusters see them: what is reserved, for whom, and when.

Sources, read 2026-11-22: CreateTrainingPlan, DescribeTrainingPlan, TrainingPlanArn of ClusterInstanceGroupSpecification
(API reference); "View training plan details" (statuses; groups of a plan that has not begun are InService) and
"Training plans utilization" (instances end 30 minutes before the reserved capacity), SageMaker AI Developer Guide.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.api.errors import invalid
from trainyard.local.api.store import Document, Store
from trainyard.local.clusters.documents import CLUSTER, NODE, name_of

PLAN = "training-plan"
"""Kind of plans in the store; by name."""
END_SECONDS = 30 * 60
"""How long before its end a plan's instances are taken away."""


def plan_of(store: Store, arn: str) -> Document | None:
    """The plan of that ARN, or None."""
    return store.get(PLAN, arn.rpartition("/")[2])


def plans_of(cluster: Mapping[str, Any]) -> list[str]:
    """ARNs of the plans that a cluster takes instances of."""
    specs = [group["Spec"] for group in cluster["Groups"]]
    return sorted({spec["TrainingPlanArn"] for spec in specs if "TrainingPlanArn" in spec})


def status(plan: Mapping[str, Any], now: float) -> str:
    """Scheduled, Active or Expired; payments are not waited for here."""
    return "Scheduled" if now < plan["StartTime"] else "Active" if now < plan["EndTime"] else "Expired"


def has_instances(plan: Mapping[str, Any], now: float) -> bool:
    """Whether instances of a plan can run now."""
    return bool(plan["StartTime"] <= now < plan["EndTime"] - END_SECONDS)


def check_plans(
    store: Store, groups: Sequence[Mapping[str, Any]], now: float, cluster: Mapping[str, Any] | None = None
) -> None:
    """Refuses groups that a plan has not reserved instances for.

    Args:
        store: plans, and the clusters that take of them.
        groups: all groups that the cluster will have.
        now: the time, in seconds since 1970.
        cluster: the cluster as it is, whose plans may have expired; None where there is none yet.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    taken: dict[str, int] = {}
    for other in store.list(CLUSTER):
        for group in other["Groups"] if cluster is None or other["ClusterName"] != cluster["ClusterName"] else ():
            _take(taken, group["Spec"])
    known = plans_of(cluster) if cluster else []
    for index, group in enumerate(groups):
        arn = group.get("TrainingPlanArn")
        if arn is None:
            continue
        field = f"InstanceGroups[{index}]"
        plan = plan_of(store, arn)
        if plan is None:
            raise invalid(f"{field}.TrainingPlanArn: got {arn!r}, but there is no such training plan. Name one.")
        if status(plan, now) == "Expired" and arn not in known:
            raise invalid(f"{field}.TrainingPlanArn: got {arn!r}, which is Expired. Name a plan that is not.")
        if group.get("InstanceType") != plan["InstanceType"]:
            raise invalid(
                f"{field}.InstanceType: got {group.get('InstanceType')!r}, but {arn} reserves {plan['InstanceType']}. "
                "Give that type."
            )
        free = plan["TotalInstanceCount"] - taken.get(arn, 0)
        if group["InstanceCount"] > free:
            raise invalid(
                f"{field}.InstanceCount: got {group['InstanceCount']}, but of {plan['TotalInstanceCount']} instances "
                f"that {arn} reserves {free} are free. Ask for fewer."
            )
        _take(taken, group)


def present(store: Store, cluster: Document, now: float) -> Document:
    """A cluster as it can be now: groups of a plan that has not begun, or ends soon, have no instances."""
    groups = [_present(store, group, now) for group in cluster["Groups"]]
    return {**cluster, "Groups": groups}


def in_use(store: Store, arn: str) -> int:
    """Instances of a plan that are there."""
    count = 0
    for cluster in store.list(CLUSTER):
        names = {name_of(group) for group in cluster["Groups"] if group["Spec"].get("TrainingPlanArn") == arn}
        if names:
            nodes = store.list(NODE, f"{cluster['ClusterId']}/")
            count += sum(node["InstanceGroupName"] in names for node in nodes)
    return count


def _present(store: Store, group: Document, now: float) -> Document:
    arn = group["Spec"].get("TrainingPlanArn")
    plan = plan_of(store, arn) if arn else None
    if plan is None or has_instances(plan, now):
        return group
    spec = {**group["Spec"], "InstanceCount": 0}
    spec.pop("MinInstanceCount", None)
    return {**group, "Spec": spec}


def _take(taken: dict[str, int], spec: Mapping[str, Any]) -> None:
    arn = spec.get("TrainingPlanArn")
    if arn:
        taken[arn] = taken.get(arn, 0) + spec["InstanceCount"]

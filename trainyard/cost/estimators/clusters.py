"""Clusters: nodes of SageMaker HyperPod, control planes of EKS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainyard.cost.estimators.base import Around, Estimator, unknown
from trainyard.cost.estimators.properties import items, number, text
from trainyard.cost.lines import Kind, Line, Range
from trainyard.cost.templates import Resource


class Cluster(Estimator):
    """Each instance group: its nodes, from the least to all of them where they scale, and their volumes."""

    types = ("AWS::SageMaker::Cluster",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        scales = bool((resource.properties.get("AutoScaling") or {}).get("Mode") == "Enable")
        for group in items(resource.properties, "InstanceGroups"):
            yield from _group(group, around, scales)
        for group in items(resource.properties, "RestrictedInstanceGroups"):
            yield from _group(group, around, scales)


def _group(group: Mapping[str, Any], around: Around, scales: bool) -> Iterator[Line]:
    name, kind = group.get("InstanceGroupName", "group"), text(group, "InstanceType")
    most = number(group, "InstanceCount")
    least = min(most, number(group, "MinInstanceCount", 0) if scales else most)
    count = Range(low=least, high=most)
    nodes = f"{most:g}" if least == most else f"{least:g} to {most:g}"
    what = f"{name}: {nodes} × {kind}"
    requirements = group.get("CapacityRequirements") or {}
    if group.get("TrainingPlanArn"):
        item = f"{kind}/plan"
        yield around.fixed(f"{what}, training plan (paid in advance)", item, count)
    elif "Spot" in requirements:
        yield _spot(what, kind, count, around)
    else:
        yield around.fixed(f"{what}, on demand", f"{kind}/cluster", count)
    for storage in items(group, "InstanceStorageConfigs"):
        volume = storage.get("EbsVolumeConfig") or {}
        if "VolumeSizeInGB" in volume:
            size = number(volume, "VolumeSizeInGB")
            item = "sagemaker/cluster-volume-gb-month"
            yield around.fixed(f"{name}: {nodes} volumes of {size:g} GB", item, count * size)


def _spot(what: str, kind: str, count: Range, around: Around) -> Line:
    """Spot of HyperPod has no published price: EC2's of the same type, or at most the price on demand."""
    spot, demand = around.prices.find(f"{kind.removeprefix('ml.')}/spot"), around.prices.find(f"{kind}/cluster")
    if spot is None:
        item = f"{kind.removeprefix('ml.')}/spot"
        most = f"; at most {demand.amount:g} an hour each, as on demand" if demand else ""
        return unknown(f"{what}, spot", f"no price of {item} in {around.prices.region}{most}", missing=(item,))
    line = around.fixed(f"{what}, spot as EC2's was on {spot.read}", spot.item, count)
    return Line(what=line.what, kind=Kind.USE, monthly=line.monthly, how=line.how, prices=line.prices,
                assumed=("spot price as read",))  # fmt: skip


class ControlPlane(Estimator):
    """A control plane by the hour, six times as dear once its version is in extended support."""

    types = ("AWS::EKS::Cluster",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        policy = (resource.properties.get("UpgradePolicy") or {}).get("SupportType", "EXTENDED")
        yield around.fixed("control plane", "eks/cluster-hour")
        if policy == "EXTENDED":
            extra = around.prices.find("eks/cluster-extended-support-hour")
            price = f"{extra.amount:g} an hour in all" if extra else "a higher price"
            version = resource.properties.get("Version", "its version")
            yield unknown("extended support", f"{price} from the day that standard support of {version} ends")
        modes = resource.properties.get("ComputeConfig") or {}
        if modes.get("Enabled") in (True, "true"):
            yield unknown("nodes of auto mode", "what they are, the cluster decides")


class NodeGroup(Estimator):
    """Nodes of EC2; their price on demand is not in the table, which is of SageMaker."""

    types = ("AWS::EKS::Nodegroup",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        size = resource.properties.get("ScalingConfig") or {}
        count = Range(low=number(size, "MinSize", 1), high=number(size, "MaxSize", 1))
        kinds = [str(each) for each in items(resource.properties, "InstanceTypes")] or ["t3.medium"]
        yield around.fixed(f"{count.low:g} to {count.high:g} × {kinds[0]}", f"{kinds[0]}/ec2", count)

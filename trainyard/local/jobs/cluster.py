"""The hosts of a training job by group: of one type, of several, or of the first type of a list."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainyard.local.api.errors import invalid

ALIKE = "homogeneousCluster"
"""Name of the one group of a job whose hosts are alike."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Hosts of one type."""

    name: str
    """Name of the group."""
    instance_type: str
    """Type of its hosts."""
    count: int
    """How many there are."""


def groups(resources: Mapping[str, Any]) -> list[Group]:
    """The groups of a ResourceConfig in its order; the hosts are numbered through them."""
    if resources.get("InstanceGroups"):
        return [
            Group(name=row["InstanceGroupName"], instance_type=row["InstanceType"], count=row["InstanceCount"])
            for row in resources["InstanceGroups"]
        ]
    instance_type = resources.get("SelectedInstanceType") or resources["InstanceType"]
    count = resources.get("SelectedInstanceCount") or resources["InstanceCount"]
    return [Group(name=ALIKE, instance_type=instance_type, count=count)]


def hosts_of(found: Sequence[Group], names: Iterable[str]) -> list[int]:
    """Numbers, from 0, of the hosts in groups of these names; of all hosts where none is named."""
    wanted, first = set(names), 0
    numbers: list[int] = []
    for group in found:
        if not wanted or group.name in wanted:
            numbers.extend(range(first, first + group.count))
        first += group.count
    return numbers


def _never(_instance_type: str) -> bool:
    return False


def selected(resources: Mapping[str, Any], scarce: Callable[[str], bool] = _never) -> dict[str, Any]:
    """A ResourceConfig with the instance type that was selected: of a list the first that is not scarce.

    Args:
        resources: as the request gives it.
        scarce: whether there are no instances of a type; of all scarce types it is the first.
    """
    preferences = resources.get("InstancePreferences")
    if not preferences:
        return dict(resources)
    chosen = next((row for row in preferences if not scarce(row["InstanceType"])), preferences[0])
    count = chosen.get("InstanceCount", resources.get("InstanceCount"))
    return {**resources, "SelectedInstanceType": chosen["InstanceType"], "SelectedInstanceCount": count}


def check(request: Mapping[str, Any], most: int) -> None:
    """Refuses a ResourceConfig that AWS would refuse, or that is too large for one machine.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    resources = request.get("ResourceConfig", {})
    if resources.get("InstanceGroups"):
        _check_groups(request, resources)
    elif resources.get("InstancePreferences"):
        _check_preferences(request, resources)
    else:
        for field in ("InstanceType", "InstanceCount"):
            if field not in resources:
                raise invalid(f"ResourceConfig.{field}: got nothing, but a training job needs it. Give {field}.")
    count = sum(group.count for group in groups(selected(resources)))
    if not 1 <= count <= most:
        raise invalid(
            f"ResourceConfig.InstanceCount: got {count}, but the embedded cloud runs 1 to {most} hosts. "
            "Choose a number of that range."
        )
    if resources.get("KeepAlivePeriodInSeconds"):
        for field, given in (
            ("EnableManagedSpotTraining", request.get("EnableManagedSpotTraining")),
            ("ResourceConfig.InstanceGroups", resources.get("InstanceGroups")),
        ):
            if given:
                raise invalid(
                    f"ResourceConfig.KeepAlivePeriodInSeconds: got {resources['KeepAlivePeriodInSeconds']}, but warm "
                    f"pools do not go with {field}. Leave one of the two out."
                )


def _check_groups(request: Mapping[str, Any], resources: Mapping[str, Any]) -> None:
    for field in ("InstanceType", "InstanceCount"):
        if field in resources:
            raise invalid(
                f"ResourceConfig.{field}: got {resources[field]!r}, but InstanceGroups name types and counts of their "
                f"own. Leave {field} out."
            )
    names = [row["InstanceGroupName"] for row in resources["InstanceGroups"]]
    if len(set(names)) < len(names):
        raise invalid(f"ResourceConfig.InstanceGroups: got {names}, but groups have different names. Rename one.")
    for index, channel in enumerate(request.get("InputDataConfig", [])):
        for name in channel["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames", []):
            if name not in names:
                raise invalid(
                    f"InputDataConfig[{index}].DataSource.S3DataSource.InstanceGroupNames: got {name!r}, but the job "
                    f"has no such group. Its groups are {', '.join(names)}."
                )


def _check_preferences(request: Mapping[str, Any], resources: Mapping[str, Any]) -> None:
    for field, given in (
        ("ResourceConfig.InstanceType", "InstanceType" in resources),
        ("EnableManagedSpotTraining", request.get("EnableManagedSpotTraining")),
    ):
        if given:
            raise invalid(f"ResourceConfig.InstancePreferences: got a list, but it excludes {field}. Leave one out.")
    rows = resources["InstancePreferences"]
    types = [row["InstanceType"] for row in rows]
    if len(set(types)) < len(types):
        raise invalid(f"ResourceConfig.InstancePreferences: got {types}, but a type may appear once. Remove one.")
    counted = ["InstanceCount" in row for row in rows]
    if ("InstanceCount" not in resources) != all(counted) or ("InstanceCount" in resources and any(counted)):
        raise invalid(
            "ResourceConfig.InstancePreferences: got counts for some, but either every preference has an InstanceCount "
            "or ResourceConfig has one. Give one of the two."
        )

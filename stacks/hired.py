"""What an environment's pipelines, endpoints and clusters hire at one time, at most, by team and instance type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from stacks.clusters import PlatformCluster
from stacks.served import Served
from stacks.workload_training import WorkloadTraining


def by_pipeline(training: WorkloadTraining) -> Counter[str]:
    """Of one execution: its jobs run one after the other, and of several types any may come."""
    found = Counter(dict.fromkeys(training.resources.types, training.resources.hosts))
    engine = getattr(getattr(training.packaging, "package", None), "engine", None)
    single = [training.processing.instance_type, *([engine.instance_type] if engine is not None else [])]
    for name in single:
        found[name] = max(found[name], 1)
    return found


def by_cluster(cluster: PlatformCluster) -> Counter[str]:
    """All instances of its groups."""
    found: Counter[str] = Counter()
    for group in cluster.settings.groups:
        found.update(dict.fromkeys(group.hosts.types, group.count))
    return found


def hired(
    team: str,
    default: str,
    *,
    trainings: Iterable[WorkloadTraining],
    endpoints: Iterable[Served],
    clusters: Iterable[PlatformCluster],
) -> Counter[str]:
    """What belongs to a team, with one execution of each of its pipelines.

    Args:
        team: The team.
        default: Whose is what names no team.
        trainings: Pipelines.
        endpoints: Endpoints, each at the most that its scaling allows.
        clusters: HyperPod clusters.
    """
    found: Counter[str] = Counter()
    for owner, count in (
        *((each.team, by_pipeline(each)) for each in trainings),
        *((each.team, Counter(each.hired)) for each in endpoints),
        *((each.team, by_cluster(each)) for each in clusters),
    ):
        if (owner or default) == team:
            found.update(count)
    return found

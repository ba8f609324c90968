"""What the stacks of an assembly need of quotas at one time.

One execution of each pipeline runs, whose jobs come one after the other; endpoints are at the most that scaling allows,
with the second fleet that an update brings up before it lets go of the first ("Deployment guardrails", SageMaker
Developer Guide, read 2026-11-22: blue/green, which is also what an endpoint without a deployment configuration gets);
clusters have all their nodes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainyard.cost.estimators.endpoints import config_of, instances_of
from trainyard.cost.estimators.pipelines import definition_of, steps_of, with_defaults
from trainyard.cost.estimators.properties import NotTold, items, number, text
from trainyard.cost.templates import Resource, Template
from trainyard.quotas import codes
from trainyard.quotas.codes import of_plan, of_type


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What is needed at one time."""

    quotas: Mapping[str, int]
    """Quota's name → how many."""
    by: Mapping[str, tuple[str, ...]]
    """Quota's name → the stacks that need it."""
    untold: tuple[str, ...]
    """Resources whose need a template does not tell, each with the reason."""


def needs(templates: Iterable[Template]) -> Needs:
    """Add up what stacks need.

    Args:
        templates: Their templates.
    """
    total: Counter[str] = Counter()
    by: dict[str, list[str]] = {}
    untold = []
    for template in templates:
        for resource in template.resources.values():
            try:
                found = _KINDS[resource.type](resource, template) if resource.type in _KINDS else Counter()
            except NotTold as error:
                untold.append(f"{template.id} {resource.logical_id}: {error}")
                continue
            total.update(found)
            for name, count in found.items():
                if count and template.id not in by.setdefault(name, []):
                    by[name].append(template.id)
    return Needs(
        quotas={name: count for name, count in sorted(total.items()) if count},
        by={name: tuple(stacks) for name, stacks in by.items()},
        untold=tuple(untold),
    )


def _pipeline(resource: Resource, _template: Template) -> Counter[str]:
    definition = definition_of(resource)
    defaults = {each["Name"]: each.get("DefaultValue") for each in definition.get("Parameters", ())}
    found: Counter[str] = Counter()
    for step in steps_of(definition.get("Steps", ())):
        arguments = with_defaults(step.get("Arguments") or {}, defaults)
        # Jobs of one execution run one after the other: what the largest takes is enough.
        for name, count in _of_step(step.get("Type"), arguments):
            found[name] = max(found[name], count)
    return found


def _of_step(kind: Any, arguments: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    if kind == "Training":
        yield from _training(arguments)
    elif kind == "Processing":
        cluster = (arguments.get("ProcessingResources") or {}).get("ClusterConfig") or {}
        count = round(number(cluster, "InstanceCount", 1))
        yield of_type(text(cluster, "InstanceType"), "processing job"), count
        yield codes.PROCESSING, count
    elif kind == "Transform":
        resources = arguments.get("TransformResources") or {}
        yield of_type(text(resources, "InstanceType"), "transform job"), round(number(resources, "InstanceCount", 1))


def _training(arguments: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    resources = arguments.get("ResourceConfig") or {}
    spot = bool(arguments.get("EnableManagedSpotTraining"))
    hosts = 0
    for group in resources.get("InstanceGroups") or [resources]:
        kind, count = text(group, "InstanceType"), round(number(group, "InstanceCount", 1))
        hosts += count
        if resources.get("TrainingPlanArn"):
            yield of_plan(kind), count
            continue
        yield of_type(kind, "spot training job" if spot else "training job"), count
        if number(resources, "KeepAlivePeriodInSeconds", 0):
            yield of_type(kind, "training warm pool"), count
    if not resources.get("TrainingPlanArn"):
        yield codes.SPOT if spot else codes.TRAINING, hosts


def _endpoint(resource: Resource, template: Template) -> Counter[str]:
    config = config_of(resource, template)
    found: Counter[str] = Counter()
    for key in ("ProductionVariants", "ShadowProductionVariants"):
        for variant in items(config.properties, key):
            if "ServerlessConfig" in variant:
                found[codes.SERVERLESS] += round(number(variant["ServerlessConfig"], "MaxConcurrency"))
                continue
            most = round(instances_of(resource, variant, template).high)
            count = most + _beside(resource, most)
            found[of_type(text(variant, "InstanceType"), "endpoint")] += count
            found[codes.ENDPOINTS] += count
    return found


def _beside(endpoint: Resource, most: int) -> int:
    """Instances beside the others while an update is under way."""
    rolling = (endpoint.properties.get("DeploymentConfig") or {}).get("RollingUpdatePolicy")
    if not rolling:
        return most
    batch = rolling.get("MaximumBatchSize") or {}
    size = number(batch, "Value", 1)
    return math.ceil(most * size / 100) if batch.get("Type") == "CAPACITY_PERCENT" else round(size)


def _cluster(resource: Resource, _template: Template) -> Counter[str]:
    found: Counter[str] = Counter()
    for key in ("InstanceGroups", "RestrictedInstanceGroups"):
        for group in items(resource.properties, key):
            kind, count = text(group, "InstanceType"), round(number(group, "InstanceCount"))
            found[codes.CLUSTERS] += count
            if group.get("TrainingPlanArn"):
                found[of_plan(kind)] += count
            elif "Spot" in (group.get("CapacityRequirements") or {}):
                found[of_type(kind, "cluster spot instance")] += count
                found[codes.SPOT_CLUSTERS] += count
            else:
                found[of_type(kind, "cluster")] += count
    return found


_KINDS = {
    "AWS::SageMaker::Pipeline": _pipeline,
    "AWS::SageMaker::Endpoint": _endpoint,
    "AWS::SageMaker::Cluster": _cluster,
}

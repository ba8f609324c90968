"""Endpoints of SageMaker: their variants, from the least to the most that scaling allows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from trainyard.cost.estimators.base import Around, Estimator, unknown
from trainyard.cost.estimators.properties import NotTold, items, number, text
from trainyard.cost.lines import HOURS_A_MONTH, Line, Range
from trainyard.cost.templates import Resource, Template

_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"


class Endpoint(Estimator):
    """What its configuration hires. A configuration alone bills nothing."""

    types = ("AWS::SageMaker::Endpoint",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        config = config_of(resource, around.template)
        serverless = False
        for key, role in (("ProductionVariants", ""), ("ShadowProductionVariants", ", shadow")):
            for variant in items(config.properties, key):
                serverless |= "ServerlessConfig" in variant
                yield from _variant(resource, variant, role, "AsyncInferenceConfig" in config.properties, around)
        if not serverless:
            name = "inference_gb_per_month"
            yield around.use("requests and answers", "sagemaker/inference-gb", around.assumptions[name], name)


def config_of(endpoint: Resource, template: Template) -> Resource:
    """The configuration of an endpoint.

    Raises:
        NotTold: It is not in the template.
    """
    name = str(endpoint.properties.get("EndpointConfigName", ""))
    for each in template.resources.values():
        if each.type == "AWS::SageMaker::EndpointConfig":
            own = each.properties.get("EndpointConfigName")
            if re.fullmatch(rf"\$\{{{re.escape(each.logical_id)}(\..+)?\}}", name) or (own and str(own) == name):
                return each
    raise NotTold(f"its configuration ({name or 'EndpointConfigName'}) is not in this template")


def _variant(endpoint: Resource, variant: Mapping[str, Any], role: str, queued: bool, around: Around) -> Iterator[Line]:
    name = variant.get("VariantName", "variant")
    if "ServerlessConfig" in variant:
        yield from _serverless(name, variant["ServerlessConfig"], around)
        return
    if variant.get("InstancePools") and "InstanceType" not in variant:
        kinds = ", ".join(str(each.get("InstanceType")) for each in variant["InstancePools"])
        yield unknown(f"{name}{role}: one of {kinds}", "which of the pools serves is decided by what is free")
        return
    kind = text(variant, "InstanceType")
    count = instances_of(endpoint, variant, around.template)
    many = f"{count.low:g}" if count.low == count.high else f"{count.low:g} to {count.high:g}"
    plan = (variant.get("CapacityReservationConfig") or {}).get("MlReservationArn")
    if plan:
        yield around.fixed(f"{name}{role}: {many} × {kind}, training plan (paid in advance)", f"{kind}/plan", count)
    else:
        how = ", asynchronous" if queued else ""
        item = f"{kind}/{'async' if queued else 'hosting'}"
        yield around.fixed(f"{name}{role}: {many} × {kind}{how}", item, count)
        yield from around.plans(f"{name}{role}", item, count * HOURS_A_MONTH, "month")
    volume = number(variant, "VolumeSizeInGB", 0)
    if volume:
        yield around.fixed(f"{name}{role}: volumes of {volume:g} GB", "sagemaker/volume-gb-month", count * volume)


def instances_of(endpoint: Resource, variant: Mapping[str, Any], template: Template) -> Range:
    """Instances of a variant, from the least to the most that scaling allows."""
    managed = variant.get("ManagedInstanceScaling") or {}
    initial = number(variant, "InitialInstanceCount", 1)
    if managed.get("Status") == "ENABLED":
        least = number(managed, "MinInstanceCount", initial)
        return Range(low=least, high=number(managed, "MaxInstanceCount", initial))
    for target in template.resources.values():
        if target.type == _TARGET and _scales(target, endpoint, variant):
            return Range(low=number(target.properties, "MinCapacity"), high=number(target.properties, "MaxCapacity"))
    return Range.of(initial)


def _scales(target: Resource, endpoint: Resource, variant: Mapping[str, Any]) -> bool:
    if target.properties.get("ScalableDimension") != "sagemaker:variant:DesiredInstanceCount":
        return False
    parts = str(target.properties.get("ResourceId", "")).split("/")
    if len(parts) != 4 or parts[3] != variant.get("VariantName"):
        return False
    own = endpoint.properties.get("EndpointName")
    return parts[1] in (str(own), f"${{{endpoint.logical_id}.EndpointName}}", f"${{{endpoint.logical_id}}}")


def _serverless(name: str, config: Mapping[str, Any], around: Around) -> Iterator[Line]:
    memory = number(config, "MemorySizeInMB") / 1024
    names = ("serverless_requests_per_month", "serverless_seconds")
    used = around.assumptions[names[0]] * around.assumptions[names[1]] * memory
    yield around.use(f"{name}: serverless, {memory:g} GB", "sagemaker/serverless-gb-second", used, *names)
    kept = number(config, "ProvisionedConcurrency", 0)
    if kept:
        item = "sagemaker/serverless-provisioned-gb-second"
        yield around.fixed(f"{name}: provisioned concurrency {kept:g}", item, kept * memory * HOURS_A_MONTH * 3600)

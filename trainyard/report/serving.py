"""Endpoints that serve what was trained: their latency, requests, instances and cost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trainyard.cost.prices import Prices
from trainyard.operations.connection import Connection
from trainyard.report.bill import Item, hours_left_of_month, price_of
from trainyard.report.endpoint_figures import PERCENTILES, Series, figures_of

DAYS = 7
"""How far back figures of an endpoint go."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint that serves a package of the report."""

    name: str
    status: str
    """EndpointStatus."""
    since: datetime
    """When it was made."""
    packages: tuple[str, ...]
    """ARNs of those packages of the report that it serves."""
    latency: Mapping[str, Series]
    """Percentile → milliseconds that the model took, as SageMaker saw it, in each period."""
    requests: Series
    """Requests in each period."""
    errors: float
    """Requests that were answered with 4xx or 5xx, since the begin of the series."""
    instances: Mapping[str, Series]
    """Variant → instances from each time on, by the activities of scaling."""
    activities: tuple[Mapping[str, Any], ...]
    """Of scaling, as DescribeScalingActivities has them, newest first."""
    bill: tuple[Item, ...]
    """What its instances cost."""


def read(connection: Connection, packages: Sequence[str], prices: Prices, now: datetime) -> tuple[Endpoint, ...]:
    """Endpoints of the account that serve one of ``packages`` (ARNs)."""
    if not packages:
        return ()
    client = connection.client("sagemaker")
    archives = {package: _archives(client, package) for package in packages}
    pages = client.get_paginator("list_endpoints").paginate()
    names = [each["EndpointName"] for page in pages for each in page["Endpoints"]]
    found = (_endpoint(connection, name, archives, prices, now) for name in sorted(names))
    return tuple(each for each in found if each is not None)


def _archives(client: Any, package: str) -> list[str]:
    described = client.describe_model_package(ModelPackageName=package)
    containers = described.get("InferenceSpecification", {}).get("Containers", [])
    return [str(each["ModelDataUrl"]) for each in containers if "ModelDataUrl" in each]


def _endpoint(
    connection: Connection, name: str, archives: Mapping[str, Sequence[str]], prices: Prices, now: datetime
) -> Endpoint | None:
    client = connection.client("sagemaker")
    described = client.describe_endpoint(EndpointName=name)
    config = client.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    models = [each["ModelName"] for each in config["ProductionVariants"] if "ModelName" in each]
    models += _component_models(client, name) if len(models) < len(config["ProductionVariants"]) else []
    served = [
        package
        for package, of_package in archives.items()
        if any(_serves(client.describe_model(ModelName=model), package, of_package) for model in dict.fromkeys(models))
    ]
    if not served:
        return None
    pages = connection.client("application-autoscaling").get_paginator("describe_scaling_activities")
    activities = [
        each
        for page in pages.paginate(ServiceNamespace="sagemaker")
        for each in page["ScalingActivities"]
        if each["ResourceId"].split("/")[1] == name
    ]
    since = max(described["CreationTime"], now - timedelta(days=DAYS))
    instances = {each["VariantName"]: _instances(each, described, activities, now) for each in _real(config)}
    figures = figures_of(connection, name, [each["VariantName"] for each in config["ProductionVariants"]], since, now)
    return Endpoint(
        name=name, status=described["EndpointStatus"], since=described["CreationTime"], packages=tuple(served),
        latency={each: figures[each] for each in PERCENTILES}, requests=figures["requests"],
        errors=sum(figures["errors"].values), instances=instances, activities=tuple(activities),
        bill=tuple(_bill(config, instances, prices, now)),
    )  # fmt: skip


def _component_models(client: Any, endpoint: str) -> list[str]:
    pages = client.get_paginator("list_inference_components").paginate(EndpointNameEquals=endpoint)
    names = [each["InferenceComponentName"] for page in pages for each in page["InferenceComponents"]]
    told = (client.describe_inference_component(InferenceComponentName=name)["Specification"] for name in names)
    return [each["ModelName"] for each in told if "ModelName" in each]


def _serves(model: Mapping[str, Any], package: str, archives: Sequence[str]) -> bool:
    for container in model.get("Containers") or [model.get("PrimaryContainer", {})]:
        place = str(container.get("ModelDataUrl", ""))
        whole = container.get("Mode") == "MultiModel" and place
        if (
            container.get("ModelPackageName") == package
            or place in archives
            or any(whole and each.startswith(place.rstrip("/") + "/") for each in archives)
        ):
            return True
    return False


def _real(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Variants that hire instances."""
    return (each for each in config["ProductionVariants"] if "InstanceType" in each)


def _instances(
    variant: Mapping[str, Any], endpoint: Mapping[str, Any], activities: Sequence[Mapping[str, Any]], now: datetime
) -> Series:
    """How many there were: those it began with, what scaling set, and how many there are."""
    name = variant["VariantName"]
    steps = [(endpoint["CreationTime"], float(variant.get("InitialInstanceCount", 1)))]
    for each in reversed(activities):
        number = re.search(r"instance count to (\d+)", each.get("Description", ""))
        if number and each["ResourceId"].endswith(f"/variant/{name}") and each["StatusCode"] == "Successful":
            steps.append((each.get("EndTime") or each["StartTime"], float(number.group(1))))
    current = next((each.get("CurrentInstanceCount") for each in endpoint.get("ProductionVariants", ())
                    if each["VariantName"] == name), None)  # fmt: skip
    steps.append((now, steps[-1][1] if current is None else float(current)))
    return Series(times=tuple(time for time, _ in steps), values=tuple(count for _, count in steps))


def _bill(config: Mapping[str, Any], instances: Mapping[str, Series], prices: Prices, now: datetime) -> Iterator[Item]:
    for variant in config["ProductionVariants"]:
        name = variant["VariantName"]
        if name not in instances:
            yield Item(what=f"{name}: serverless", hours=0, more=None, price=None,
                       note="billed by requests and their time, which no figure here tells")  # fmt: skip
            continue
        series = instances[name]
        stretches = zip(series.times, series.times[1:], series.values, strict=False)
        hours = sum((end - start).total_seconds() / 3600 * count for start, end, count in stretches)
        price, why = price_of(
            prices, variant["InstanceType"], "async" if config.get("AsyncInferenceConfig") else "hosting"
        )
        yield Item(
            what=f"{name}: {series.values[-1]:g} × {variant['InstanceType']}", hours=hours,
            more=series.values[-1] * hours_left_of_month(now), price=price, note=why,
        )  # fmt: skip

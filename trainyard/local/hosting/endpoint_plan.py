"""The plan of an endpoint, made of its configuration and of the models that this names."""

import uuid
from collections.abc import Mapping
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.hosting.models import find_model, resolved
from trainyard.local.hosting.plan import (
    DOWNLOAD_SECONDS,
    START_SECONDS,
    ContainerPlan,
    Plan,
    ServerlessPlan,
    VariantPlan,
)

# What a serverless endpoint that does not come up says on AWS: "within the allotted 180 second timeout", read 2026-11.
_SERVERLESS_START_SECONDS = 180.0


def make_plan(context: Context, config: Mapping[str, Any], weights: Mapping[str, float]) -> Plan:
    """The plan of a configuration.

    Args:
        context: the store with the models.
        config: the configuration's document.
        weights: weights by variant that take the place of the configuration's.

    Raises:
        ServiceError: ValidationException, a model does not exist any more.
    """
    capture = config.get("DataCaptureConfig")
    return Plan(
        id=uuid.uuid4().hex[:12],
        config=config["EndpointConfigName"],
        variants=[
            _variant(context, variant, weights) if "ModelName" in variant else _host(config, variant, weights)
            for variant in config["ProductionVariants"]
        ],
        shadows=[_variant(context, variant, {}) for variant in config.get("ShadowProductionVariants", ())],
        capture=capture if capture and capture.get("EnableCapture", True) else None,
        asynchronous=config.get("AsyncInferenceConfig"),
    )


def _host(config: Mapping[str, Any], variant: Mapping[str, Any], weights: Mapping[str, float]) -> VariantPlan:
    """Instances without a model: inference components have theirs on them."""
    name = variant["VariantName"]
    return VariantPlan(
        name=name,
        model="",
        containers=(),
        direct=False,
        role=config["ExecutionRoleArn"],
        isolated=config.get("EnableNetworkIsolation", False),
        instance_type=variant["InstanceType"],
        count=variant["InitialInstanceCount"],
        weight=weights.get(name, variant.get("InitialVariantWeight", 1.0)),
        routing=variant.get("RoutingConfig", {}).get("RoutingStrategy", "LEAST_OUTSTANDING_REQUESTS"),
        start_seconds=START_SECONDS,
        download_seconds=DOWNLOAD_SECONDS,
    )


def _variant(context: Context, variant: Mapping[str, Any], weights: Mapping[str, float]) -> VariantPlan:
    model = find_model(context, variant["ModelName"])
    name = variant["VariantName"]
    wanted = variant.get("ServerlessConfig")
    serverless = (
        ServerlessPlan(
            memory_mb=wanted["MemorySizeInMB"],
            concurrency=wanted["MaxConcurrency"],
            provisioned=wanted.get("ProvisionedConcurrency", 0),
        )
        if wanted
        else None
    )
    return VariantPlan(
        name=name,
        model=variant["ModelName"],
        containers=[container_plan(container) for container in resolved(model)],
        direct=model.get("InferenceExecutionConfig", {}).get("Mode") == "Direct",
        role=model["ExecutionRoleArn"],
        isolated=model["EnableNetworkIsolation"],
        instance_type=variant.get("InstanceType", ""),
        count=max(1, serverless.provisioned) if serverless else variant["InitialInstanceCount"],
        weight=weights.get(name, variant.get("InitialVariantWeight", 1.0)),
        routing=variant.get("RoutingConfig", {}).get("RoutingStrategy", "LEAST_OUTSTANDING_REQUESTS"),
        start_seconds=variant.get(
            "ContainerStartupHealthCheckTimeoutInSeconds",
            _SERVERLESS_START_SECONDS if serverless else START_SECONDS,
        ),
        download_seconds=variant.get("ModelDataDownloadTimeoutInSeconds", DOWNLOAD_SECONDS),
        serverless=serverless,
        volume_gb=variant.get("VolumeSizeInGB"),
    )


def container_plan(container: Mapping[str, Any]) -> ContainerPlan:
    """A container of a model that is resolved."""
    return ContainerPlan(
        hostname=container["ContainerHostname"],
        image=container["Image"],
        data_url=container["ModelDataUrl"],
        variables=container["Environment"],
        many=container["Mode"] == "MultiModel",
        cache=container["ModelCacheSetting"] == "Enabled",
        tree=container["Uncompressed"],
    )

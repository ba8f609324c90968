"""What an inference component runs, and how an update of it goes."""

import uuid
from collections.abc import Mapping
from typing import Any

from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Context, Platform
from trainyard.local.hosting.changes import check_alarms
from trainyard.local.hosting.endpoint_plan import container_plan
from trainyard.local.hosting.guardrails import Guardrails, guardrails
from trainyard.local.hosting.models import find_model, resolved
from trainyard.local.hosting.plan import DOWNLOAD_SECONDS, START_SECONDS, Plan, VariantPlan
from trainyard.local.images import local_image
from trainyard.local.jobs.references import check_location
from trainyard.local.jobs.refusals import Refusal, refuse
from trainyard.local.pulling import check_model

_REFUSALS = (
    Refusal(path="Specification.Container.ContainerMetricsConfig", way_out="Leave it out."),
    Refusal(path="Specification.ComputeResourceRequirements.AcceleratorPartitionType", way_out="Leave it out."),
    Refusal(
        path="Specification.DataCacheConfig.EnableCaching",
        way_out="Set it to false: model data are fetched anew.",
        allowed=lambda value: value is False,
    ),
    Refusal(path="Specification.SchedulingConfig", way_out="Leave it out: copies have no zones here."),
    Refusal(path="Specification.InstanceType", way_out="Leave it out: the variant names its type."),
)


def component_plan(
    context: Context,
    name: str,
    specification: Mapping[str, Any],
    variant: Mapping[str, Any],
    config: Mapping[str, Any],
    copies: int,
) -> Plan:
    """The plan of a component: one variant, whose instances are the copies.

    Args:
        context: the store with the models.
        name: name of the component.
        specification: what the request says of model and resources.
        variant: the production variant that it is on.
        config: that variant's endpoint configuration.
        copies: how many copies.

    Raises:
        ServiceError: ValidationException, no model or container, or one that cannot run here.
    """
    refuse({"Specification": specification}, _REFUSALS)
    if ("ModelName" in specification) == ("Container" in specification):
        raise invalid("Specification: one of ModelName and Container must be given. Give ModelName.")
    startup = specification.get("StartupParameters", {})
    requirements = specification["ComputeResourceRequirements"]
    shared: dict[str, Any] = {
        "name": variant["VariantName"],
        "instance_type": variant["InstanceType"],
        "count": copies,
        "weight": 1.0,
        "routing": variant.get("RoutingConfig", {}).get("RoutingStrategy", "LEAST_OUTSTANDING_REQUESTS"),
        "start_seconds": startup.get("ContainerStartupHealthCheckTimeoutInSeconds", START_SECONDS),
        "download_seconds": startup.get("ModelDataDownloadTimeoutInSeconds", DOWNLOAD_SECONDS),
        "component": name,
        "memory_mb": requirements.get("MaxMemoryRequiredInMb", requirements["MinMemoryRequiredInMb"]),
    }
    if "ModelName" in specification:
        model = find_model(context, specification["ModelName"])
        containers = [container_plan(container) for container in resolved(model)]
        if len(containers) != 1 or containers[0].many:
            raise invalid("Specification.ModelName: a component's model has one container, and serves one model.")
        plan = VariantPlan(
            model=specification["ModelName"],
            containers=containers,
            direct=False,
            role=model["ExecutionRoleArn"],
            isolated=model["EnableNetworkIsolation"],
            **shared,
        )
    else:
        container = _given(context, specification["Container"])
        plan = VariantPlan(
            model=name,
            containers=[container_plan(container)],
            direct=False,
            role=config["ExecutionRoleArn"],
            isolated=config.get("EnableNetworkIsolation", False),
            **shared,
        )
    return Plan(id=uuid.uuid4().hex[:12], config=config["EndpointConfigName"], variants=[plan])


def component_guardrails(document: Mapping[str, Any] | None, platform: Platform) -> Guardrails:
    """An InferenceComponentDeploymentConfig: endpoints' rolling update, in copies instead of instances.

    Raises:
        ServiceError: ValidationException, a rule is broken, or an alarm does not exist.
    """
    if not document:
        return Guardrails()
    sizes = ("MaximumBatchSize", "RollbackMaximumBatchSize")
    policy = {
        field: {**value, "Type": "INSTANCE_COUNT" if value["Type"] == "COPY_COUNT" else value["Type"]}
        if field in sizes
        else value
        for field, value in document["RollingUpdatePolicy"].items()
    }
    found = guardrails({**document, "RollingUpdatePolicy": policy})
    check_alarms(platform, found.alarms)
    return found


def _given(context: Context, container: Mapping[str, Any]) -> dict[str, Any]:
    field = "Specification.Container"
    if "Image" not in container:
        raise invalid(f"{field}.Image: it is missing, but the model server needs it. Give one.")
    image = local_image(container["Image"], context.environments, f"{field}.Image")
    check_model(context.missing, container["Image"])
    if "ArtifactUrl" in container:
        check_location(context.platform, f"{field}.ArtifactUrl", container["ArtifactUrl"])
    elif not image.serves_alone:
        raise invalid(f"{field}.ArtifactUrl: it is missing, but the model server needs it. Give one.")
    return {
        "ContainerHostname": "primary",
        "Image": container["Image"],
        "ModelDataUrl": container.get("ArtifactUrl"),
        "Environment": container.get("Environment", {}),
        "Mode": "SingleModel",
        "ModelCacheSetting": "Enabled",
    }

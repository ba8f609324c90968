"""What an endpoint configuration may combine: serverless, asynchronous, shadows, captured data.

Sources, read 2026-11: "Serverless Inference", feature exclusions; CreateEndpointConfig; "Shadow tests", exclusions;
"Asynchronous inference"; "Capture data".
"""

from collections.abc import Mapping
from typing import Any

from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Context
from trainyard.local.hosting.models import find_model, resolved
from trainyard.local.jobs.references import check_key, check_location

_MEMORY_MB = range(1024, 6144 + 1, 1024)


def check_kinds(context: Context, request: Mapping[str, Any]) -> None:
    """Refuses a configuration that combines what does not go together.

    Raises:
        ServiceError: ValidationException.
    """
    variants = request["ProductionVariants"]
    shadows = request.get("ShadowProductionVariants", [])
    serverless = [variant for variant in variants if "ServerlessConfig" in variant]
    if serverless:
        _check_serverless(context, request, serverless[0])
    if shadows:
        _check_shadows(context, variants, shadows)
    if "AsyncInferenceConfig" in request:
        _check_asynchronous(context, request)
    if "DataCaptureConfig" in request:
        capture = request["DataCaptureConfig"]
        check_location(context.platform, "DataCaptureConfig.DestinationS3Uri", capture["DestinationS3Uri"])
        check_key(context.platform, "DataCaptureConfig.KmsKeyId", capture.get("KmsKeyId"))


def _check_serverless(context: Context, request: Mapping[str, Any], variant: Mapping[str, Any]) -> None:
    field = "ProductionVariants[0].ServerlessConfig"
    if len(request["ProductionVariants"]) > 1:
        raise invalid("ProductionVariants: an endpoint with ServerlessConfig has one variant. Give one.")
    given = variant["ServerlessConfig"]
    memory = given["MemorySizeInMB"]
    if memory not in _MEMORY_MB:
        known = ", ".join(map(str, _MEMORY_MB))
        raise invalid(f"{field}.MemorySizeInMB: got {memory}, but it is one of {known}. Give one of them.")
    if given.get("ProvisionedConcurrency", 0) > given["MaxConcurrency"]:
        raise invalid(
            f"{field}.ProvisionedConcurrency: got {given['ProvisionedConcurrency']}, but it is at most MaxConcurrency, "
            f"which is {given['MaxConcurrency']}. Lower it."
        )
    for name in ("InstanceType", "InitialInstanceCount", "VolumeSizeInGB", "ManagedInstanceScaling"):
        if name in variant:
            raise invalid(f"ProductionVariants[0].{name}: a serverless variant has no instances. Leave it out.")
    for name in ("AsyncInferenceConfig", "ShadowProductionVariants", "DataCaptureConfig"):
        if request.get(name):
            raise invalid(f"{name}: serverless endpoints do not have it. Leave it out, or take instances.")
    model = _model(context, variant, "ProductionVariants[0]")
    containers = resolved(model)
    obstacles = {
        "VpcConfig": bool(model.get("VpcConfig")),
        "EnableNetworkIsolation": model["EnableNetworkIsolation"],
        "Containers": len(containers) > 1,
        "Mode MultiModel": containers[0]["Mode"] == "MultiModel",
    }
    for name, there in obstacles.items():
        if there:
            raise invalid(f"{field}: the model {variant['ModelName']} has {name}, which serverless endpoints cannot.")


def _check_shadows(context: Context, variants: list[dict[str, Any]], shadows: list[dict[str, Any]]) -> None:
    if len(variants) != 1 or len(shadows) != 1:
        raise invalid("ShadowProductionVariants: one production variant has one shadow. Give one of each.")
    names = {variants[0]["VariantName"], shadows[0]["VariantName"]}
    if len(names) == 1:
        raise invalid("ShadowProductionVariants[0].VariantName: the production variant has the name. Rename one.")
    for field, variant in (("ProductionVariants[0]", variants[0]), ("ShadowProductionVariants[0]", shadows[0])):
        containers = resolved(_model(context, variant, field))
        if len(containers) > 1 or containers[0]["Mode"] == "MultiModel":
            raise invalid(f"{field}.ModelName: a shadow test has models of one container and one model. Name another.")


def _check_asynchronous(context: Context, request: Mapping[str, Any]) -> None:
    output = request["AsyncInferenceConfig"]["OutputConfig"]
    field = "AsyncInferenceConfig.OutputConfig"
    if "S3OutputPath" not in output:
        raise invalid(f"{field}.S3OutputPath: it is missing, but answers go there. Give it.")
    for name in ("S3OutputPath", "S3FailurePath"):
        if name in output:
            check_location(context.platform, f"{field}.{name}", output[name])
    check_key(context.platform, f"{field}.KmsKeyId", output.get("KmsKeyId"))
    for name in ("SuccessTopic", "ErrorTopic"):
        topic = output.get("NotificationConfig", {}).get(name)
        if topic and not context.platform.exists("topic", topic):
            raise invalid(f"{field}.NotificationConfig.{name}: got {topic!r}, but there is no such topic. Create it.")
    if request.get("ShadowProductionVariants"):
        raise invalid("ShadowProductionVariants: asynchronous endpoints have none. Leave them out.")
    if len(request["ProductionVariants"]) > 1:
        raise invalid("ProductionVariants: an asynchronous endpoint has one variant. Give one.")


def _model(context: Context, variant: Mapping[str, Any], field: str) -> dict[str, Any]:
    if "ModelName" not in variant:
        raise invalid(f"{field}.ModelName: it is missing. Name a model.")
    return find_model(context, variant["ModelName"])

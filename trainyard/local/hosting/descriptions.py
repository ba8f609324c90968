"""What runs of an endpoint, as DescribeEndpoint shows it."""

from typing import Any

from trainyard.local.hosting.deployment import Deployment
from trainyard.local.hosting.plan import Plan, VariantPlan
from trainyard.local.hosting.variant import Variant


def describe(plan: Plan, deployment: Deployment | None) -> list[dict[str, Any]]:
    """ProductionVariants as DescribeEndpoint shows them; without a deployment nothing of it runs."""
    running = {variant.plan.name: variant for variant in deployment.variants} if deployment else {}
    rows = [_described(variant, running.get(variant.name)) for variant in plan.variants]
    if deployment and deployment.phase:
        for row in rows:
            status = {"Status": deployment.phase, "StartTime": deployment.phase_since}
            row.setdefault("VariantStatus", []).insert(0, status)
    return rows


def describe_kinds(plan: Plan, deployment: Deployment | None) -> dict[str, Any]:
    """Shadows, captured data and asynchronous answers as DescribeEndpoint shows them."""
    running = {variant.plan.name: variant for variant in deployment.shadows} if deployment else {}
    shown: dict[str, Any] = {"AsyncInferenceConfig": plan.asynchronous}
    if plan.shadows:
        shown["ShadowProductionVariants"] = [_described(shadow, running.get(shadow.name)) for shadow in plan.shadows]
    if plan.capture:
        shown["DataCaptureConfig"] = {
            "EnableCapture": True,
            "CaptureStatus": "Started",
            "CurrentSamplingPercentage": plan.capture["InitialSamplingPercentage"],
            "DestinationS3Uri": plan.capture["DestinationS3Uri"],
            "KmsKeyId": plan.capture.get("KmsKeyId", ""),
        }
    return {name: value for name, value in shown.items() if value is not None}


def _described(plan: VariantPlan, running: Variant | None) -> dict[str, Any]:
    replicas = running.replicas if running else []
    shown: dict[str, Any] = {
        "VariantName": plan.name,
        "DeployedImages": [{"SpecifiedImage": one.image, "ResolvedImage": one.image} for one in plan.containers],
        "CurrentWeight": running.weight if running else plan.weight,
        "DesiredWeight": running.weight if running else plan.weight,
        "CurrentInstanceCount": (
            sum(replica.state == "healthy" for replica in replicas) if plan.containers else plan.count
        ),
        "DesiredInstanceCount": running.desired if running else plan.count,
        "RoutingConfig": {"RoutingStrategy": plan.routing},
    }
    if plan.serverless:
        pool = running.serverless if running else None
        for name in ("CurrentInstanceCount", "DesiredInstanceCount", "RoutingConfig"):
            del shown[name]
        config = (pool.plan if pool else plan.serverless).to_aws()
        shown |= {"CurrentServerlessConfig": config, "DesiredServerlessConfig": config}
        return shown
    troubled = [replica for replica in replicas if replica.state in ("starting", "restarting", "failed")]
    if troubled:
        statuses = [{"Status": "Creating", "StartTime": one.since, "StatusMessage": one.reason} for one in troubled]
        shown["VariantStatus"] = [{key: value for key, value in row.items() if value} for row in statuses]
    return shown

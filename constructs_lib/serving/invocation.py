"""Who may ask an endpoint, and for what.

Source of actions and condition keys, read 2026-11-21: "Multi-model endpoint security" and "Security with
multi-container endpoints with direct invocation", SageMaker AI Developer Guide. There is no key for a variant.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam

from constructs_lib.serving.combinations import Plan
from constructs_lib.serving.models.pipeline import SerialPipeline
from ml_contract.errors import reject
from ml_contract.multi_model import allowed


def grant_invoke(
    plan: Plan, resources: Sequence[str], grantee: iam.IGrantable, targets: Sequence[str] | None
) -> iam.Grant:
    """Let ``grantee`` ask the endpoint of ``plan``, whose ARNs are ``resources``.

    What ``targets`` are, and what is refused: ``constructs_lib.serving.Endpoint.grant_invoke``.
    """
    if plan.asynchronous is not None:
        actions = ["sagemaker:InvokeEndpointAsync"]
        plan.asynchronous.inputs.grant_write(grantee)
        plan.asynchronous.outputs.grant_read(grantee)
        if plan.asynchronous.failures is not None:
            plan.asynchronous.failures.grant_read(grantee)
    elif any(variant.serverless or (variant.served and variant.served.multi_model) for variant in plan.variants):
        # InvokeEndpointWithResponseStream names no model, and serverless containers stream nothing.
        actions = ["sagemaker:InvokeEndpoint"]
    else:
        actions = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
    conditions = {"StringLike": _condition(plan, targets)} if targets is not None else None
    return iam.Grant.add_to_principal(
        grantee=grantee, actions=actions, resource_arns=[*resources], conditions=conditions
    )


def _condition(plan: Plan, targets: Sequence[str]) -> dict[str, list[str]]:
    if not targets:
        reject("target_models", list(targets), "it would allow nothing", "Name a model, or leave it out for any.")
    served = plan.variants[0].served
    if isinstance(served, SerialPipeline) and served.mode == "Direct":
        names = [stage.name for stage in served.stages]
        unknown = [name for name in targets if name not in names]
        if unknown:
            reject("target_models", unknown[0], f"the containers are {', '.join(names)}", "Name one of them.")
        return {"sagemaker:TargetContainerHostname": list(targets)}
    if served is None or not served.multi_model:
        reject("target_models", list(targets), "a request to this endpoint names no model", "Leave it out.")
    return {"sagemaker:TargetModel": [allowed(name) for name in targets]}

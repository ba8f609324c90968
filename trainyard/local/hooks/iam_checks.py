"""Access to this project's own services: what the emulator does not check of their requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.core import iam_actions, iam_evaluator

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.operations import Caller
from trainyard.local.hooks import sagemaker_access


def check(operation: str, request: Mapping[str, Any], caller: Caller, access_key: str) -> None:
    """Refuses what a SageMaker request touches beyond its own resource: further resources, roles it passes on.

    Raises:
        ServiceError: AccessDeniedException naming principal, action and resource.
    """
    wanted: list[tuple[str, str, dict[str, str]]] = [
        (f"sagemaker:{operation}", arn, {})
        for arn in sagemaker_access.resources(operation, request, caller.region, caller.account)[1:]
    ] + [
        ("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"})
        for role in sagemaker_access.passed_roles(request)
    ]
    for action, arn, context in wanted:
        service = action.partition(":")[0]
        denied = iam_evaluator.enforce(access_key, action, service, caller.region, arn, context)
        if denied is not None:
            explicit = getattr(denied, "decision", "") == "Deny"
            message = iam_actions.identity_denial_message(action, caller.arn, arn, explicit)
            raise ServiceError("AccessDeniedException", message)


def check_administrator(operation: str, _request: Mapping[str, Any], caller: Caller, _access_key: str) -> None:
    """Refuses everybody but the account's root.

    Raises:
        ServiceError: AccessDeniedException.
    """
    if caller.arn != f"arn:aws:iam::{caller.account}:root":
        raise ServiceError(
            "AccessDeniedException",
            f"User: {caller.arn} is not authorized to perform: trainyard:{operation} on resource: * "
            "because only the administrator of the embedded cloud may",
        )

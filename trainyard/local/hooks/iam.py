"""Access control where the emulator leaves gaps: SageMaker's actions, denials that name the resource, no way around."""

from __future__ import annotations

import contextvars
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, responses

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.operations import Caller
from trainyard.local.hooks import cloudwatch_access, sagemaker_access, ssm_access

# What follows the service's name in an action that the emulator could not name.
_UNMAPPED = "UnmappedOperation"
# The account's root can always mend a bucket policy that locks everybody out.
_TARGET_MODEL = "x-amzn-sagemaker-target-model"
_target_model: contextvars.ContextVar[str | None] = contextvars.ContextVar("trainyard_target_model", default=None)
_MENDING = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})


def install(*, secure_transport: bool) -> None:
    """Completes the emulator's access control.

    Args:
        secure_transport: what `aws:SecureTransport` is for requests that arrive on the plain loopback listener; true
            lets the listener stand for AWS's TLS endpoints.
    """
    # The emulator imports these from their modules at every request, so replacing them there is enough.
    iam_actions.extract_iam_action = _named_action(iam_actions.extract_iam_action)
    iam_actions.extract_resource_arn = _resource(iam_actions.extract_resource_arn)
    iam_actions.request_tag_context = _request_context(iam_actions.request_tag_context)
    iam_actions.access_denied_response = _naming_denial(iam_actions.access_denied_response)
    iam_evaluator.enforce = _without_gaps(iam_evaluator.enforce)
    if secure_transport:
        app.pin_request_origin = _over_tls(app.pin_request_origin)


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


def check_administrator(operation: str, _request: Mapping[str, Any], caller: Caller, access_key: str) -> None:  # noqa: ARG001
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


def _named_action(original: Callable[..., str | None]) -> Callable[..., str]:
    """Gives every request an action: one without would only be authenticated, never authorised."""

    @functools.wraps(original)
    def extract(
        service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> str:
        if service == "sagemaker" and not headers.get("x-amz-target"):
            _target_model.set(headers.get(_TARGET_MODEL))
            action = sagemaker_access.invocation(path)[0] if method == "POST" else None
            return f"sagemaker:{action or _UNMAPPED}"
        return original(service, method, path, headers, body, query) or f"{service}:{_UNMAPPED}"

    return extract


def _resource(original: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(original)
    def extract(
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        query: Mapping[str, Any],
        region: str,
        account: str,
    ) -> str:
        target = headers.get("x-amz-target", "")
        if service == "ssm":
            named = ssm_access.resource(target.rpartition(".")[2], _object(body), region, account)
            if named is not None:
                return named
        if service == "monitoring":
            named = cloudwatch_access.resource(headers, body, region, account)
            if named is not None:
                return named
        if service != "sagemaker":
            return original(service, method, path, headers, body, query, region, account)
        endpoint = sagemaker_access.invocation(path)[1]
        if endpoint is not None and not target:
            return f"arn:aws:sagemaker:{region}:{account}:endpoint/{endpoint}"
        return sagemaker_access.resources(target.rpartition(".")[2], _object(body), region, account)[0]

    return extract


def _request_context(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @functools.wraps(original)
    def context(service: str, action: str, body: bytes, params: Mapping[str, Any]) -> dict[str, Any]:
        # The body of an invocation is the model's, and may be large or no JSON at all.
        invoked = service == "sagemaker" and ":InvokeEndpoint" in action
        keys = original(service, action, body, params)
        if invoked:
            target = _target_model.get()
            return keys | ({"sagemaker:TargetModel": target} if target is not None else {})
        if service == "sagemaker":
            return keys | sagemaker_access.condition_keys(_object(body))
        if service == "iam" and action.endswith("Policy") and params.get("PolicyArn"):
            # "Actions, resources, and condition keys for AWS IAM", Service Authorization Reference, read 2026-11.
            return keys | {"iam:PolicyARN": _first(params["PolicyArn"])}
        if service == "monitoring":
            namespace = _object(body).get("Namespace") or next(iter(params.get("Namespace") or []), None)
            return keys | ({"cloudwatch:namespace": namespace} if namespace else {})
        return keys

    return context


def _first(value: Any) -> str:
    """A parameter of the Query protocol, which may be a list of one."""
    return str(value[0] if isinstance(value, list) else value)


def _naming_denial(original: Callable[..., Any]) -> Callable[..., Any]:
    """Says in every denial by a policy which resource was asked for, as AWS does."""

    @functools.wraps(original)
    def respond(service: str, action: str, principal: str, request_id: str, **details: Any) -> Any:
        by_resource = details.get("explicit_deny") and details.get("resource_policy_arn")
        if action.endswith(f":{_UNMAPPED}"):
            details["message"] = (
                f"User: {principal} is not authorized to perform this operation of {service}: the embedded cloud has "
                f"no action map for it, so only the administrator may use it"
            )
        elif not (details.get("message") or details.get("error_code") or by_resource):
            details["message"] = iam_actions.identity_denial_message(
                action, principal, details.get("resource_arn", "*"), bool(details.get("explicit_deny"))
            )
        return original(service, action, principal, request_id, **details)

    return respond


def _without_gaps(original: Callable[..., Any]) -> Callable[..., Any]:
    """Closes what the evaluator lets pass: unnamed actions, and the root against a resource policy's Deny."""

    @functools.wraps(original)
    def enforce(
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, Any] | None = None,
    ) -> Any:
        denied = original(access_key, action, service, region, resource_arn, service_context)
        if denied is not None or not access_key:
            # Without credentials S3 itself looks for public grants; other services have refused by now.
            return denied
        if not iam_evaluator.is_root_access_key(access_key):
            return _denial(_arn(access_key)) if action.endswith(f":{_UNMAPPED}") else None
        principal = f"arn:aws:iam::{responses.get_account_id()}:root"
        decision = _resource_decision(principal, action, service, region, resource_arn, service_context)
        if decision == "Deny" and action not in _MENDING:
            return _denial(principal, decision, resource_arn)
        return None

    return enforce


def _resource_decision(
    principal: str, action: str, service: str, region: str, resource_arn: str, context: Mapping[str, Any] | None
) -> str:
    """What the resource's own policy says of a principal that no identity policy binds."""
    found = iam_evaluator._resource_policy(service, resource_arn)
    if found is None:
        return "ImplicitDeny"
    request = iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type="Root",
        principal_account=responses.get_account_id(),
        action=action,
        resource_arn=resource_arn,
        region=region,
        service_context={key.lower(): value for key, value in (context or {}).items()},
    )
    return str(iam_evaluator.evaluate_resource_policy(found[0], request).decision)


def _denial(principal: str, decision: str = "ImplicitDeny", resource_policy_arn: str = "") -> Any:
    return iam_evaluator.EvalResult(decision, principal, resource_policy_arn=resource_policy_arn)


def _arn(access_key: str) -> str:
    return str(getattr(iam_evaluator.resolve_principal(access_key, responses.get_account_id()), "arn", access_key))


def _over_tls(original: Callable[[str, bool], None]) -> Callable[[str, bool], None]:
    @functools.wraps(original)
    def pin(source_ip: str, _secure: bool) -> None:
        original(source_ip, True)

    return pin


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

"""Access control where the emulator leaves gaps: denials that name the resource, no way around."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, responses

from trainyard.local.hooks import iam_requests
from trainyard.local.hooks.iam_requests import UNMAPPED

# The account's root can always mend a bucket policy that locks everybody out.
_MENDING = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})


def install(*, secure_transport: bool) -> None:
    """Completes the emulator's access control.

    Args:
        secure_transport: what `aws:SecureTransport` is for requests that arrive on the plain loopback listener; true
            lets the listener stand for AWS's TLS endpoints.
    """
    # The emulator imports these from their modules at every request, so replacing them there is enough.
    iam_actions.extract_iam_action = iam_requests.named_action(iam_actions.extract_iam_action)
    iam_actions.extract_resource_arn = iam_requests.resource(iam_actions.extract_resource_arn)
    iam_actions.request_tag_context = iam_requests.request_context(iam_actions.request_tag_context)
    iam_actions.access_denied_response = _naming_denial(iam_actions.access_denied_response)
    iam_evaluator.enforce = _without_gaps(iam_evaluator.enforce)
    if secure_transport:
        app.pin_request_origin = _over_tls(app.pin_request_origin)


def _naming_denial(original: Callable[..., Any]) -> Callable[..., Any]:
    """Says in every denial by a policy which resource was asked for, as AWS does."""

    @functools.wraps(original)
    def respond(service: str, action: str, principal: str, request_id: str, **details: Any) -> Any:
        by_resource = details.get("explicit_deny") and details.get("resource_policy_arn")
        if action.endswith(f":{UNMAPPED}"):
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
            return _denial(_arn(access_key)) if action.endswith(f":{UNMAPPED}") else None
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

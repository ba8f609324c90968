"""What a request asks for in the words of policies: action, resource and condition keys that the emulator lacks."""

from __future__ import annotations

import contextvars
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from trainyard.local.hooks import cloudwatch_access, sagemaker_access, ssm_access

UNMAPPED = "UnmappedOperation"
"""What follows the service's name in an action that the emulator could not name."""
_TARGET_MODEL = "x-amzn-sagemaker-target-model"
_target_model: contextvars.ContextVar[str | None] = contextvars.ContextVar("trainyard_target_model", default=None)


def named_action(original: Callable[..., str | None]) -> Callable[..., str]:
    """Gives every request an action: one without would only be authenticated, never authorised."""

    @functools.wraps(original)
    def extract(
        service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> str:
        if service == "sagemaker" and not headers.get("x-amz-target"):
            _target_model.set(headers.get(_TARGET_MODEL))
            action = sagemaker_access.invocation(path)[0] if method == "POST" else None
            return f"sagemaker:{action or UNMAPPED}"
        return original(service, method, path, headers, body, query) or f"{service}:{UNMAPPED}"

    return extract


def resource(original: Callable[..., str]) -> Callable[..., str]:
    """Names the resource of requests to services of which the emulator does not know it."""

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


def request_context(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Gives policies the condition keys that the emulator does not know."""

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


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

"""Sessions of roles, opened by the SageMaker service as AWS opens them: only with the consent of the trust policy."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator, responses
from ministack.services import iam, sts

from trainyard.local.api.errors import invalid

SERVICE_PRINCIPAL = "sagemaker.amazonaws.com"
# AWS renews a job's credentials for as long as it runs, 28 days at most; variables of a process cannot be renewed.
_DURATION_SECONDS = 28 * 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class RoleSession:
    """Temporary credentials of a role session."""

    access_key_id: str
    secret_access_key: str
    session_token: str


def install() -> None:
    """Keeps trust in a service to the service."""
    iam_evaluator.evaluate_trust_policy = _without_services(iam_evaluator.evaluate_trust_policy)


def assume(role_arn: str, session_name: str, service: str = SERVICE_PRINCIPAL) -> RoleSession:
    """Opens a session of a role for a service, SageMaker by default.

    Raises:
        ServiceError: ValidationException when the role does not exist or does not trust the service.
    """
    if not may_assume(role_arn, service):
        raise invalid(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{service}' to assume the role."
        )
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    role = iam._roles.get_scoped(account, None, name)
    session_name = session_name[:64]
    credentials = RoleSession(
        access_key_id=iam._gen_session_access_key(),
        secret_access_key=iam._gen_secret(),
        session_token=iam._gen_session_token(),
    )
    sts.register_session(
        credentials.access_key_id,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}",
            "UserId": f"{role['RoleId']}:{session_name}",
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "Expiration": time.time() + _DURATION_SECONDS,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
            "SourceAccessKeyId": None,
            "SourcePrincipalArn": service,
            "SessionTags": [],
            "SessionPolicies": None,
        },
    )
    return credentials


def may_assume(role_arn: str, service: str = SERVICE_PRINCIPAL) -> bool:
    """Whether a role exists and its trust policy lets a service assume it, SageMaker by default."""
    role = find_role(role_arn)
    return role is not None and trusts(role, service)


def find_role(role_arn: str) -> dict[str, Any] | None:
    """The role with exactly this ARN, path included."""
    parts = role_arn.split(":")
    if len(parts) != 6 or not parts[5].startswith("role/"):
        return None
    role: dict[str, Any] | None = iam._roles.get_scoped(parts[4], None, role_arn.rpartition("/")[2])
    return role if role is not None and role.get("Arn") == role_arn else None


def trusts(role: dict[str, Any], service: str) -> bool:
    """Whether a role's trust policy allows a service to assume it: a deny wins."""
    name = service.partition(".")[0]
    context = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn=role["Arn"],
        region="",
        # What AWS sends along, so that a policy against the confused deputy can be written and tried.
        service_context={
            "aws:sourceaccount": role["Arn"].split(":")[4],
            "aws:sourcearn": _source(name, role["Arn"].split(":")[4]),
        },
    )
    document = role.get("AssumeRolePolicyDocument", "{}")
    # `service=` makes the evaluator match service principals exactly; trust policies have no resource.
    return bool(iam_evaluator.evaluate_resource_policy(document, context, service).decision == "Allow")


def _source(service: str, account: str) -> str:
    """ARN of what a service acts for. Budgets belong to no region."""
    region = "" if service == "budgets" else responses.get_region()
    kind = {"states": "stateMachine:*", "budgets": "budget/*"}.get(service, "*")
    return f"arn:aws:{service}:{region}:{account}:{kind}"


def _without_services(original: Callable[..., bool]) -> Callable[..., bool]:
    """Keeps trust in a service to the service: the emulator lets the account's root through in its place.

    Services open their sessions in-process, so whoever assumes a role through STS is none.
    """

    @functools.wraps(original)
    def trusts(document: Any, caller: str, context: Any = None) -> bool:
        found = _parsed(document)
        statements = found.get("Statement", []) if isinstance(found, dict) else []
        kept = [_for_callers(statement) for statement in (statements if isinstance(statements, list) else [statements])]
        return original({**found, "Statement": kept} if isinstance(found, dict) else found, caller, context)

    return trusts


def _for_callers(statement: Any) -> Any:
    principal = statement.get("Principal") if isinstance(statement, dict) else None
    if not isinstance(principal, dict):
        return statement
    return {**statement, "Principal": {kind: who for kind, who in principal.items() if kind != "Service"}}


def _parsed(document: Any) -> Any:
    try:
        return json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return None

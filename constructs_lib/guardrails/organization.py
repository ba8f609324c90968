"""Guardrails for a whole account: a service control policy, which binds its administrators too.

Sources, read 2026-11-22: "Quotas and service limits for AWS Organizations" (5,120 characters); "General examples: Deny
access to AWS based on the requested AWS Region" (services that are global), AWS Organizations User Guide.
"""

from __future__ import annotations

import json
from typing import Any

from constructs_lib.guardrails.settings import Guardrails
from constructs_lib.guardrails.statements import denials
from ml_contract.errors import reject

LONGEST = 5120
"""Characters of a service control policy."""
_EVERYWHERE = (
    "account", "aws-portal", "budgets", "ce", "cloudfront", "cur", "health", "iam", "organizations", "pricing",
    "route53", "shield", "sts", "support", "trustedadvisor",
)  # fmt: skip
_DEPLOYMENT = "arn:*:iam::*:role/cdk-*-cfn-exec-role-*"
"""What CDK's bootstrap lets CloudFormation work as."""


def service_control_policy(guardrails: Guardrails, *, region: str, account: str, role_names: str) -> dict[str, Any]:
    """The guardrails as a policy to be attached to the account in AWS Organizations.

    Ids of network and key are not in it: it is there before they are, and outlives them.

    Args:
        guardrails: The limits.
        region: The only region.
        account: The account.
        role_names: Pattern of the names of roles that have a boundary, for example ``trainyard-prod-*``.

    Raises:
        ContractError: The policy would be longer than AWS Organizations takes.
    """
    statements = [
        *denials(guardrails, region=region, account=account, places=None, everywhere=_EVERYWHERE),
        {
            "Sid": "Boundaries",
            "Effect": "Deny",
            "Action": ["iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"],
            "Resource": f"arn:*:iam::{account}:role/{role_names}",
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": _DEPLOYMENT}},
        },
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    length = len(json.dumps(document, separators=(",", ":")))
    if length > LONGEST:
        reject("guardrails", length, f"a service control policy has at most {LONGEST} characters",
               "Name fewer families or accounts.")  # fmt: skip
    return document

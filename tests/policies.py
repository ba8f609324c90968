"""IAM's decision over the statements of one policy, for tests that hold an allow beside a deny."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.policies.documents import parse
from trainyard.policies.evaluation import Policies, Request, decide

_ACCOUNT = "123456789012"


def listed(value: object) -> list[Any]:
    """A value of a policy, which may stand alone, as a list."""
    return value if isinstance(value, list) else [value]


def allows(statements: Sequence[Mapping[str, Any]], action: str, resource: str, **context: str) -> bool:
    """Whether a policy lets a request through.

    Args:
        statements: Of the policy, with plain text for references.
        action: For example ``s3:GetObject``.
        resource: ARN.
        context: Condition keys of the request by their names, with ``__`` for the colon: a key that the request does
            not carry matches no condition.
    """
    keys = {name.replace("__", ":").lower(): value for name, value in context.items()}
    request = Request(principal=f"arn:aws:iam::{_ACCOUNT}:role/tested", action=action, resource=resource,
                      owner=_ACCOUNT, keys=keys)  # fmt: skip
    return decide(request, Policies(identity=[parse({"Statement": list(statements)}, "tested")])).allowed

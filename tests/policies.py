"""IAM's decision over the statements of one policy, for tests that hold an allow beside a deny."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from typing import Any


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
    found = [one["Effect"] for one in statements if _matches(one, action, resource, keys)]
    return "Deny" not in found and "Allow" in found


def _matches(statement: Mapping[str, Any], action: str, resource: str, keys: Mapping[str, str]) -> bool:
    return (
        any(_like(pattern.lower(), action.lower()) for pattern in listed(statement["Action"]))
        and any(_like(pattern, resource) for pattern in listed(statement["Resource"]))
        and all(
            _holds(operator, keys.get(key.lower()), listed(wanted))
            for operator, pairs in statement.get("Condition", {}).items()
            for key, wanted in pairs.items()
        )
    )


def _holds(operator: str, given: str | None, wanted: Sequence[str]) -> bool:
    if given is None:
        return False
    if operator == "StringEquals":
        return given in wanted
    assert operator in ("StringLike", "ArnLike"), operator
    return any(_like(pattern, given) for pattern in wanted)


def _like(pattern: str, text: str) -> bool:
    # IAM knows * and ? alone.
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), text) is not None

"""Which parameters a Systems Manager request names where the emulator looks at one member only.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Systems Manager", 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def resource(operation: str, request: Mapping[str, Any], region: str, account: str) -> str | None:
    """The ARN that an operation on a path or on listed parameters is authorised on; None for every other operation.

    Several names would be as many resources: `*` stands for them, so only who may read everything passes.
    """
    match operation, request:
        case "GetParametersByPath", {"Path": str(name)}:
            pass
        case "GetParameters" | "DeleteParameters", {"Names": [str(name)]}:
            pass
        case "GetParametersByPath" | "GetParameters" | "DeleteParameters", _:
            return "*"
        case _:
            return None
    return f"arn:aws:ssm:{region}:{account}:parameter/{name.lstrip('/')}"

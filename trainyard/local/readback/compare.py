"""Whether a service's answer says what a template says."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

POLICY_LISTS = ("Action", "NotAction", "Resource", "NotResource")


def canonical(value: Any) -> Any:
    """A value in one form: scalars as text, lists in order of their content, policies with lists where either may be.

    CloudFormation and the services write the same thing in several ways: 8 and "8", true and "true", one action and a
    list of one, a set of tags in any order.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(int(value)) if float(value).is_integer() else str(value)
    if isinstance(value, Mapping):
        if "Statement" in value and set(value) <= {"Statement", "Version", "Id"}:
            return _policy(value)
        return {str(key): canonical(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sorted((canonical(item) for item in value), key=_order)
    return value


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _policy(document: Mapping[str, Any]) -> dict[str, Any]:
    statements = document["Statement"]
    rows = [statements] if isinstance(statements, Mapping) else list(statements)
    version = {"Version": document["Version"]} if "Version" in document else {}
    return {**version, "Statement": sorted((_statement(row) for row in rows), key=_order)}


def _statement(row: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in row.items():
        if key in POLICY_LISTS:
            made[key] = canonical(_as_list(value))
        elif key in ("Principal", "NotPrincipal") and isinstance(value, Mapping):
            made[key] = {kind: canonical(_as_list(who)) for kind, who in value.items()}
        elif key == "Condition":
            made[key] = {
                test: {name: canonical(_as_list(wanted)) for name, wanted in rows.items()}
                for test, rows in value.items()
            }
        else:
            made[key] = canonical(value)
    return made


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def difference(expected: Any, actual: Any, path: str = "") -> str | None:
    """The path of the first place where `actual` does not say what `expected` says; None when it says all of it.

    A mapping may say more than was expected (services fill in their defaults); a list may not.
    """
    wanted, found = canonical(expected), canonical(actual)
    return _difference(wanted, found, path)


def _difference(wanted: Any, found: Any, path: str) -> str | None:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            here = f"{path}.{key}".lstrip(".")
            if key not in found:
                return here
            inner = _difference(value, found[key], here)
            if inner is not None:
                return inner
        return None
    if isinstance(wanted, list) and isinstance(found, list):
        if len(wanted) != len(found):
            return path
        left = list(found)
        for item in wanted:
            match = next((other for other in left if _difference(item, other, path) is None), None)
            if match is None:
                return path
            left.remove(match)
        return None
    return None if wanted == found else path


def as_map(rows: Any) -> dict[str, str]:
    """Tags by key, whichever form they are in."""
    if isinstance(rows, Mapping):
        return {str(key): str(value) for key, value in rows.items()}
    return {str(row["Key"]): str(row.get("Value", "")) for row in rows or []}


def template_form(name: str, value: Any) -> Any:
    """What services make of it: rules for all traffic have no ports at EC2, whatever the template says of them, and a
    policy that is given as text is a document."""
    if name.endswith("PolicyDocument") and isinstance(value, str):
        return json.loads(value)
    if name in ("SecurityGroupEgress", "SecurityGroupIngress"):
        return [
            {k: v for k, v in row.items() if k not in ("FromPort", "ToPort") or str(row["IpProtocol"]) != "-1"}
            for row in value
        ]
    return value

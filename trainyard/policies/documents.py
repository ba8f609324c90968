"""Policies of IAM as values: statements with every element a list, and nothing that the evaluation would overlook.

Source: "IAM JSON policy elements reference", IAM User Guide, read 2026-11-22.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_contract.errors import reject
from trainyard.policies.conditions import check_operator

_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement; an element that is absent is empty."""

    where: str
    """The policy that holds it, and its ``Sid`` or its number there from 1."""
    allows: bool
    """Whether its effect is Allow."""
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    principals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names by kind: AWS, Service, Federated; ``*`` alone stands under AWS."""
    not_principals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Values by operator and key."""


Policy = tuple[Statement, ...]


def parse(document: Mapping[str, Any] | str, name: str) -> Policy:
    """Statements of a document.

    Args:
        document: As JSON or as its text, without functions of a template.
        name: How the policy is called in decisions.

    Raises:
        ContractError: Text that is no JSON, or an element or an operator that IAM does not have, or that excludes
            another.
    """
    found = _read(document, name) if isinstance(document, str) else document
    return tuple(
        _statement(one, f"{name}/{one.get('Sid') or number}")
        for number, one in enumerate(_list(found["Statement"]), start=1)
    )


def _read(text: str, name: str) -> Mapping[str, Any]:
    try:
        return dict(json.loads(text))
    except ValueError as error:
        reject(name, text, f"a policy is JSON ({error})", "Correct the text.")


def _statement(found: Mapping[str, Any], where: str) -> Statement:
    for element in found:
        if element not in _ELEMENTS:
            reject(
                where, element, "a statement has no such element", f"Its elements are {', '.join(sorted(_ELEMENTS))}."
            )
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if one in found and other in found:
            reject(where, [one, other], "they exclude each other", "Leave one out.")
    if "Action" not in found and "NotAction" not in found:
        reject(where, sorted(found), "a statement names actions", "Give Action or NotAction.")
    if found.get("Effect") not in ("Allow", "Deny"):
        reject(where, found.get("Effect"), "an effect is Allow or Deny", "Write one of them.")
    conditions = {
        check_operator(operator, where): {key: _texts(values) for key, values in keys.items()}
        for operator, keys in found.get("Condition", {}).items()
    }
    return Statement(
        where=where,
        allows=found["Effect"] == "Allow",
        actions=_texts(found.get("Action", ())),
        not_actions=_texts(found.get("NotAction", ())),
        resources=_texts(found.get("Resource", ())),
        not_resources=_texts(found.get("NotResource", ())),
        principals=_principals(found.get("Principal", {})),
        not_principals=_principals(found.get("NotPrincipal", {})),
        conditions=conditions,
    )


def _principals(found: Any) -> dict[str, tuple[str, ...]]:
    return {"AWS": ("*",)} if found == "*" else {kind: _texts(names) for kind, names in found.items()}


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in _list(values))


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]

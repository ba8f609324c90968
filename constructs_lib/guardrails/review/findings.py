"""What a review finds, and how statements of a template are read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A statement that is too wide."""

    rule: str
    """Name of the rule, for example ``EveryResource``."""
    what: str
    """What breaks it: an action, a principal."""
    resource: str
    """Logical id of the role, the policy or the resource that has the policy."""
    place: str
    """Where in the resource, for example ``Properties.PolicyDocument.Statement.3``."""
    why: str
    """What it lets happen, as a clause."""
    way_out: str
    """What to write instead, a full sentence."""

    @property
    def id(self) -> str:
        """By which it is acknowledged."""
        return f"{self.rule}[{self.what}]"


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """A statement that allows, as a template has it."""

    resource: str
    place: str
    statement: Mapping[str, Any]
    account: str
    """The stack's account, which references stand for."""

    @property
    def actions(self) -> list[str]:
        """Patterns of actions."""
        return texts(self.statement.get("Action", ()), self.account)

    @property
    def resources(self) -> list[str]:
        """Patterns of resources; ``*`` where it names those that it does not mean."""
        return texts(self.statement.get("Resource", "*"), self.account)

    @property
    def keys(self) -> set[str]:
        """Condition keys that it asks for, in lower case."""
        return {key.lower() for keys in self.statement.get("Condition", {}).values() for key in keys}

    def principals(self, kind: str) -> list[str]:
        """Principals of a kind: AWS, Service or Federated."""
        found = self.statement.get("Principal", {})
        if found == "*":
            return ["*"] if kind == "AWS" else []
        return texts(found.get(kind, ()), self.account)

    def finding(self, rule: str, what: str, why: str, way_out: str) -> Finding:
        """A finding about this statement."""
        return Finding(rule=rule, what=what, resource=self.resource, place=self.place, why=why, way_out=way_out)


def texts(value: Any, account: str) -> list[str]:
    """A value, which may stand alone, as texts; a reference is ``${name}``, and an account's is the account."""
    values: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    return [_text(each, account) for each in values]


def policy(document: Any, account: str) -> Mapping[str, Any] | None:
    """A policy document as a template has it; it may be text, which CloudFormation takes for the same.

    A key that only deployment knows makes it so: a function can stand for a value alone.

    Returns:
        The document with ``${name}`` for references, or ``None`` for what cannot be read before it is deployed.
    """
    if isinstance(document, Mapping) and "Statement" in document:
        return document
    try:
        found = json.loads(_text(document, account))
    except (ValueError, KeyError):
        return None
    return found if isinstance(found, Mapping) and "Statement" in found else None


def _text(value: Any, account: str) -> str:
    if not isinstance(value, dict):
        return str(value)
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(_text(part, account) for part in argument[1])
    if argument == "AWS::AccountId":
        return account
    if argument == "AWS::Partition":
        return "aws"
    if function == "Fn::Sub":
        pattern, values = (argument, {}) if isinstance(argument, str) else argument
        known = {"AWS::AccountId": account, "AWS::Partition": "aws", **values}
        for name, told in known.items():
            pattern = pattern.replace(f"${{{name}}}", _text(told, account))
        return str(pattern)
    return "${" + (argument if isinstance(argument, str) else function) + "}"

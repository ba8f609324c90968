"""CloudFormation's intrinsic functions, one Python function each.

Source: "Intrinsic function reference", AWS CloudFormation User Guide, read 2026-11-22.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainyard.cost.intrinsics import Scope

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")


@dataclass(frozen=True)
class Unresolved:
    """A value that the template does not tell."""

    what: str
    """Its function, for example ``${Count}`` or ``${Key.Arn}``."""

    def __str__(self) -> str:
        return self.what


class _NoValue:
    """What ``AWS::NoValue`` means: the property is not there."""


NO_VALUE = _NoValue()


def _ref(scope: Scope, name: Any, _depth: int) -> Any:
    if name == "AWS::NoValue":
        return NO_VALUE
    if name in scope.pseudo:
        return scope.pseudo[name]
    parameter = scope.template.get("Parameters", {}).get(name)
    if parameter is None:
        return Unresolved(f"${{{name}}}")
    if str(parameter.get("Type", "")).startswith("AWS::SSM::Parameter::Value"):
        return Unresolved(f"${{{name}}}")
    value = scope.parameters.get(name, parameter.get("Default"))
    if value is None:
        return Unresolved(f"${{{name}}}")
    if str(parameter.get("Type", "")).startswith(("List<", "CommaDelimitedList")):
        return [part.strip() for part in str(value).split(",")]
    return value


def _get_att(scope: Scope, argument: Any, depth: int) -> Any:
    """Attributes are known after deployment, but a name that the resource was given is known before."""
    whole = argument if isinstance(argument, str) else ".".join(map(str, argument))
    resource, _, attribute = whole.partition(".")
    properties = scope.template.get("Resources", {}).get(resource, {}).get("Properties") or {}
    if attribute.endswith("Name") and attribute in properties:
        return scope.resolve(properties[attribute], depth)
    return Unresolved(f"${{{whole}}}")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _join(scope: Scope, argument: Sequence[Any], depth: int) -> Any:
    separator, parts = argument
    parts = scope.resolve(parts, depth)
    return parts if isinstance(parts, Unresolved) else str(separator).join(map(_text, parts))


def _sub(scope: Scope, argument: Any, depth: int) -> str:
    text, given = (argument, {}) if isinstance(argument, str) else argument
    values = {name: scope.resolve(value, depth) for name, value in given.items()}

    def replace(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal:
            return f"${{{name}}}"
        if name in values:
            return _text(values[name])
        return _text(_get_att(scope, name, depth) if "." in name else _ref(scope, name, depth))

    return _VARIABLE.sub(replace, text)


def _find_in_map(scope: Scope, argument: Sequence[Any], depth: int) -> Any:
    keys = [scope.resolve(each, depth) for each in argument[:3]]
    for key in keys:
        if isinstance(key, Unresolved):
            return key
    mapping = scope.template.get("Mappings", {}).get(keys[0], {})
    found = mapping.get(keys[1], {}).get(str(keys[2]))
    if found is None and len(argument) > 3:
        return scope.resolve(argument[3].get("DefaultValue"), depth)
    return Unresolved(f"Fn::FindInMap {'/'.join(map(str, keys))}") if found is None else found


def _if(scope: Scope, argument: Sequence[Any], depth: int) -> Any:
    if isinstance(argument, str):
        raise TypeError(argument)
    condition, yes, no = argument
    holds = scope.holds(condition, depth)
    return holds if isinstance(holds, Unresolved) else scope.resolve(yes if holds else no, depth)


def _equals(scope: Scope, argument: Sequence[Any], depth: int) -> Any:
    left, right = (scope.resolve(each, depth) for each in argument)
    for side in (left, right):
        if isinstance(side, Unresolved):
            return side
    return _text(left) == _text(right)


def _some(scope: Scope, argument: Sequence[Any], depth: int, decides: bool) -> Any:
    """And and Or: one that is ``decides`` settles it, whatever the others are."""
    found = [scope.resolve(each, depth) for each in argument]
    if decides in [each for each in found if isinstance(each, bool)]:
        return decides
    return next((each for each in found if isinstance(each, Unresolved)), not decides)


def _not(scope: Scope, argument: Sequence[Any], depth: int) -> Any:
    found = scope.resolve(argument[0], depth)
    return found if isinstance(found, Unresolved) else not found


def _select(scope: Scope, argument: Sequence[Any], depth: int) -> Any:
    index, items = (scope.resolve(each, depth) for each in argument)
    for each in (index, items):
        if isinstance(each, Unresolved):
            return Unresolved(f"Fn::Select of {each}")
    return items[int(index)]


def _split(scope: Scope, argument: Sequence[Any], depth: int) -> Any:
    text = scope.resolve(argument[1], depth)
    return text if isinstance(text, Unresolved) else str(text).split(argument[0])


def _base64(scope: Scope, argument: Any, depth: int) -> Any:
    text = scope.resolve(argument, depth)
    return text if isinstance(text, Unresolved) else base64.b64encode(str(text).encode()).decode()


def _length(scope: Scope, argument: Any, depth: int) -> Any:
    items = scope.resolve(argument, depth)
    return items if isinstance(items, Unresolved) else len(items)


def _condition(scope: Scope, argument: Any, depth: int) -> Any:
    if isinstance(argument, str):
        return scope.holds(argument, depth)
    return {"Condition": scope.resolve(argument, depth)}  # a policy statement's


FUNCTIONS: dict[str, Callable[[Scope, Any, int], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Join": _join,
    "Fn::Sub": _sub,
    "Fn::FindInMap": _find_in_map,
    "Fn::If": _if,
    "Fn::Equals": _equals,
    "Fn::And": lambda scope, argument, depth: _some(scope, argument, depth, False),
    "Fn::Or": lambda scope, argument, depth: _some(scope, argument, depth, True),
    "Fn::Not": _not,
    "Condition": _condition,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Base64": _base64,
    "Fn::Length": _length,
}

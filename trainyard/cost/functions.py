"""CloudFormation's intrinsic functions, one Python function each.

Source: "Intrinsic function reference", AWS CloudFormation User Guide, read 2026-11-22.
"""

from __future__ import annotations

import base64
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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


@dataclass(frozen=True, kw_only=True)
class Context(ABC):
    """What functions of one template may refer to."""

    template: Mapping[str, Any]
    """The template."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values given for parameters; the others have their defaults."""
    pseudo: Mapping[str, str] = field(default_factory=dict)
    """Values of pseudo parameters, for example ``AWS::Region``."""

    @abstractmethod
    def holds(self, condition: str, depth: int = 0) -> bool | Unresolved:
        """Whether a condition of the template is true."""

    @abstractmethod
    def resolve(self, value: Any, depth: int = 0) -> Any:
        """``value`` without functions."""


def _ref(context: Context, name: Any, _depth: int) -> Any:
    if name == "AWS::NoValue":
        return NO_VALUE
    if name in context.pseudo:
        return context.pseudo[name]
    parameter = context.template.get("Parameters", {}).get(name)
    if parameter is None:
        return Unresolved(f"${{{name}}}")
    if str(parameter.get("Type", "")).startswith("AWS::SSM::Parameter::Value"):
        return Unresolved(f"${{{name}}}")
    value = context.parameters.get(name, parameter.get("Default"))
    if value is None:
        return Unresolved(f"${{{name}}}")
    if str(parameter.get("Type", "")).startswith(("List<", "CommaDelimitedList")):
        return [part.strip() for part in str(value).split(",")]
    return value


def _get_att(context: Context, argument: Any, depth: int) -> Any:
    """Attributes are known after deployment, but a name that the resource was given is known before."""
    whole = argument if isinstance(argument, str) else ".".join(map(str, argument))
    resource, _, attribute = whole.partition(".")
    properties = context.template.get("Resources", {}).get(resource, {}).get("Properties") or {}
    if attribute.endswith("Name") and attribute in properties:
        return context.resolve(properties[attribute], depth)
    return Unresolved(f"${{{whole}}}")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _join(context: Context, argument: Sequence[Any], depth: int) -> Any:
    separator, parts = argument
    parts = context.resolve(parts, depth)
    return parts if isinstance(parts, Unresolved) else str(separator).join(map(_text, parts))


def _sub(context: Context, argument: Any, depth: int) -> str:
    text, given = (argument, {}) if isinstance(argument, str) else argument
    values = {name: context.resolve(value, depth) for name, value in given.items()}

    def replace(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal:
            return f"${{{name}}}"
        if name in values:
            return _text(values[name])
        return _text(_get_att(context, name, depth) if "." in name else _ref(context, name, depth))

    return _VARIABLE.sub(replace, text)


def _find_in_map(context: Context, argument: Sequence[Any], depth: int) -> Any:
    keys = [context.resolve(each, depth) for each in argument[:3]]
    for key in keys:
        if isinstance(key, Unresolved):
            return key
    mapping = context.template.get("Mappings", {}).get(keys[0], {})
    found = mapping.get(keys[1], {}).get(str(keys[2]))
    if found is None and len(argument) > 3:
        return context.resolve(argument[3].get("DefaultValue"), depth)
    return Unresolved(f"Fn::FindInMap {'/'.join(map(str, keys))}") if found is None else found


def _if(context: Context, argument: Sequence[Any], depth: int) -> Any:
    if isinstance(argument, str):
        raise TypeError(argument)
    condition, yes, no = argument
    holds = context.holds(condition, depth)
    return holds if isinstance(holds, Unresolved) else context.resolve(yes if holds else no, depth)


def _equals(context: Context, argument: Sequence[Any], depth: int) -> Any:
    left, right = (context.resolve(each, depth) for each in argument)
    for side in (left, right):
        if isinstance(side, Unresolved):
            return side
    return _text(left) == _text(right)


def _some(context: Context, argument: Sequence[Any], depth: int, decides: bool) -> Any:
    """And and Or: one that is ``decides`` settles it, whatever the others are."""
    found = [context.resolve(each, depth) for each in argument]
    if decides in [each for each in found if isinstance(each, bool)]:
        return decides
    return next((each for each in found if isinstance(each, Unresolved)), not decides)


def _not(context: Context, argument: Sequence[Any], depth: int) -> Any:
    found = context.resolve(argument[0], depth)
    return found if isinstance(found, Unresolved) else not found


def _select(context: Context, argument: Sequence[Any], depth: int) -> Any:
    index, items = (context.resolve(each, depth) for each in argument)
    for each in (index, items):
        if isinstance(each, Unresolved):
            return Unresolved(f"Fn::Select of {each}")
    return items[int(index)]


def _split(context: Context, argument: Sequence[Any], depth: int) -> Any:
    text = context.resolve(argument[1], depth)
    return text if isinstance(text, Unresolved) else str(text).split(argument[0])


def _base64(context: Context, argument: Any, depth: int) -> Any:
    text = context.resolve(argument, depth)
    return text if isinstance(text, Unresolved) else base64.b64encode(str(text).encode()).decode()


def _length(context: Context, argument: Any, depth: int) -> Any:
    items = context.resolve(argument, depth)
    return items if isinstance(items, Unresolved) else len(items)


def _condition(context: Context, argument: Any, depth: int) -> Any:
    if isinstance(argument, str):
        return context.holds(argument, depth)
    return {"Condition": context.resolve(argument, depth)}  # a policy statement's


FUNCTIONS: dict[str, Callable[[Context, Any, int], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Join": _join,
    "Fn::Sub": _sub,
    "Fn::FindInMap": _find_in_map,
    "Fn::If": _if,
    "Fn::Equals": _equals,
    "Fn::And": lambda context, argument, depth: _some(context, argument, depth, False),
    "Fn::Or": lambda context, argument, depth: _some(context, argument, depth, True),
    "Fn::Not": _not,
    "Condition": _condition,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Base64": _base64,
    "Fn::Length": _length,
}

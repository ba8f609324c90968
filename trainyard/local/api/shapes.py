"""Requests against botocore's service model, with what its own validator leaves out: enum, pattern, ranges, unions."""

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.model import Shape

from trainyard.local.api.patterns import compiled

_EXPRESSIONS = frozenset({"Get", "Std:Join", "Std:JsonGet"})
_SHOWN_CHARACTERS = 200
_SHOWN_MEMBERS = 30


def violations(shape: Shape, value: object, path: str = "", *, expressions: bool = False) -> list[str]:
    """Every rule of `shape` that `value` breaks, in AWS's words, fields spelled as the request spells them.

    Args:
        shape: the shape that the value must have.
        value: the value as it came out of JSON.
        path: the field that holds the value, for the messages.
        expressions: pipeline expressions ({"Get": …}, {"Std:Join": …}, {"Std:JsonGet": …}) and CDK tokens stand for any
            value.
    """
    return list(_violations(shape, value, path, expressions))


def trimmed(shape: Any, value: Any) -> Any:
    """`value` with only what `shape` knows, and without nulls."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        return {
            name: trimmed(member, value[name]) for name, member in shape.members.items() if value.get(name) is not None
        }
    if shape.type_name == "list":
        return [trimmed(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: trimmed(shape.value, item) for key, item in value.items() if item is not None}
    return value


def is_expression(value: object) -> bool:
    """Whether a pipeline computes this value, or CDK will fill it in."""
    if isinstance(value, Mapping):
        return len(value) == 1 and next(iter(value)) in _EXPRESSIONS
    return isinstance(value, str) and "${Token[" in value


def _violations(shape: Any, value: object, path: str, expressions: bool) -> Iterator[str]:
    if expressions and is_expression(value):
        return
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path, expressions)
    elif kind == "list":
        if not isinstance(value, list):
            yield _type(path, value, "a list")
            return
        yield from _length(shape, value, path)
        for index, item in enumerate(value):
            yield from _violations(shape.member, item, f"{path}[{index}]", expressions)
    elif kind == "map":
        if not isinstance(value, Mapping):
            yield _type(path, value, "an object")
            return
        yield from _length(shape, value, path)
        for key, item in value.items():
            yield from _violations(shape.key, key, f"{path}[key {key!r}]", False)
            yield from _violations(shape.value, item, f"{path}.{key}", expressions)
    else:
        yield from _scalar(shape, value, path)


def _structure(shape: Any, value: object, path: str, expressions: bool) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield _type(path, value, "an object")
        return
    given = {name for name in value if value[name] is not None}
    for name in sorted(given - set(shape.members)):
        yield f"Unknown parameter '{_join(path, name)}': must be one of [{_choice(name, list(shape.members))}]"
    for name in shape.metadata.get("required", ()):
        if name not in given:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    if shape.is_tagged_union and len(given) != 1:
        yield (
            f"Value {_shown(value)} at '{path}' failed to satisfy constraint: "
            f"Member must have exactly one of [{', '.join(shape.members)}]"
        )
    for name, member in shape.members.items():
        if name in given:
            yield from _violations(member, value[name], _join(path, name), expressions)


def _scalar(shape: Any, value: object, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "string":
        yield from _string(shape, value, path)
    elif kind in ("integer", "long"):
        if isinstance(value, bool) or not isinstance(value, int):
            yield _type(path, value, "an integer")
        else:
            yield from _range(shape, value, path)
    elif kind in ("float", "double"):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            yield _type(path, value, "a number")
        else:
            yield from _range(shape, value, path)
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield _type(path, value, "true or false")
    elif kind == "timestamp":
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield _type(path, value, "a time in seconds since 1970")
    elif kind == "blob":
        if not isinstance(value, str | bytes):
            yield _type(path, value, "binary data (base64 in JSON)")
    else:
        raise AssertionError(f"the service models use a type that is not known here: {kind}")


def _string(shape: Any, value: object, path: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield _type(path, value, "a string")
        return
    if shape.enum and value not in shape.enum:
        yield _constraint(path, value, f"Member must satisfy enum value set: [{_choice(value, shape.enum)}]")
    yield from _length(shape, value, path)
    pattern = shape.metadata.get("pattern")
    if pattern and not compiled(pattern).fullmatch(value):
        yield _constraint(path, value, f"Member must satisfy regular expression pattern: {pattern}")


def _length(shape: Any, value: Any, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        yield _constraint(path, value, f"Member must have length greater than or equal to {low}")
    if high is not None and len(value) > high:
        yield _constraint(path, value, f"Member must have length less than or equal to {high}")


def _range(shape: Any, value: float, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        yield _constraint(path, value, f"Member must have value greater than or equal to {low}")
    if high is not None and value > high:
        yield _constraint(path, value, f"Member must have value less than or equal to {high}")


def _constraint(path: str, value: object, rule: str) -> str:
    return f"Value {_shown(value)} at '{path}' failed to satisfy constraint: {rule}"


def _choice(value: str, members: Sequence[str]) -> str:
    """All members, or of many those that the user may have meant."""
    if len(members) <= _SHOWN_MEMBERS:
        return ", ".join(members)
    close = difflib.get_close_matches(value, members, n=5, cutoff=0) if len(value) <= _SHOWN_CHARACTERS else []
    return ", ".join([*close, f"… {len(members)} in all"])


def _type(path: str, value: object, expected: str) -> str:
    return f"Value {_shown(value)} at '{path}' is {type(value).__name__}, but must be {expected}"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return f"'{text[:_SHOWN_CHARACTERS]}{'…' if len(text) > _SHOWN_CHARACTERS else ''}'"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name

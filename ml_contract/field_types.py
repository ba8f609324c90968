"""Whether a value is of the type that a field's annotation names. Nothing is converted.

A check is made of an annotation once, and answers with nothing or with what is wrong. Its words are those of pydantic,
which says the other half of what constructs refuse.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple


class Foreign(NamedTuple):
    """A value that is not of its type."""

    path: tuple[int | str, ...]
    """Keys and positions below the field; none where it is the field's own value."""
    value: object
    rule: str


Check = Callable[[Any], Foreign | None]

_NAMES: Mapping[object, str] = {
    int: "a valid integer",
    str: "a valid string",
    bool: "a valid boolean",
    float: "a valid number",
    tuple: "a valid tuple",
    list: "a valid list",
    dict: "a valid dictionary",
    frozenset: "a valid frozenset",
    Mapping: "a mapping",
    Sequence: "a sequence, which a text is not",
    types.NoneType: "None",
}


def check_of(annotation: Any) -> Check:
    """The check of an annotation.

    A bool is no number; an int is taken for a float, and a subclass for its base. What cannot be told is taken:
    ``Any``, ``object``, type variables, and values of classes that answer for others where a protocol is wanted.
    """
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return check_of(inner[0])
    if origin in (typing.Union, types.UnionType):
        return _either(inner)
    if origin is typing.Literal:
        return _word(inner)
    if origin is tuple and inner[-1:] != (...,):
        return _row([check_of(one) for one in inner])
    if origin in (tuple, list, frozenset, Sequence):
        return _items(origin, check_of(inner[0]))
    if origin in (dict, Mapping):
        return _mapping(origin, *map(check_of, inner))
    return _instance(types.NoneType if annotation is None else origin or annotation)


def _name(annotation: Any) -> str:
    if typing.get_origin(annotation) is typing.Annotated:
        return _name(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) is typing.Literal:
        return _choices(typing.get_args(annotation))
    plain = typing.get_origin(annotation) or annotation
    name = str(getattr(plain, "__name__", plain))
    return _NAMES.get(plain) or f"{'an' if name[0] in 'AEIO' else 'a'} {name}"


def _choices(words: Sequence[object]) -> str:
    *others, last = map(repr, words)
    return f"one of {', '.join(others)} or {last}" if others else f"one of {last}"


def _telling(name: str, holds: Callable[[Any], bool]) -> Check:
    rule = f"it must be {name}"
    return lambda value: None if holds(value) else Foreign((), value, rule)


def _instance(kind: Any) -> Check:
    if not isinstance(kind, type) or kind in (Any, object):
        return lambda _: None
    if kind is int:
        return _telling(_NAMES[int], lambda value: isinstance(value, int) and not isinstance(value, bool))
    if kind is float:
        return _telling(_NAMES[float], lambda value: isinstance(value, (int, float)) and not isinstance(value, bool))
    if getattr(kind, "_is_protocol", False) and not getattr(kind, "_is_runtime_protocol", False):
        return _telling(_name(kind), lambda value: _answers(value.__class__, kind))
    return _telling(_name(kind), lambda value: isinstance(value, kind))


@cache
def _answers(kind: type, protocol: type) -> bool:
    """Whether a class has the names of a protocol, or passes them on to others, as proxies of jsii do."""
    if hasattr(kind, "__getattr__"):
        return True
    parts = (part for part in protocol.__mro__ if getattr(part, "_is_protocol", False))
    return all(hasattr(kind, name) for part in parts for name in vars(part) if not name.startswith("_"))


def _word(words: tuple[Any, ...]) -> Check:
    # True and 1.0 equal 1, and would come into templates as they are.
    kinds = {type(word) for word in words}
    return _telling(_choices(words), lambda value: type(value) in kinds and value in words)


def _either(options: tuple[Any, ...]) -> Check:
    checks = [check_of(option) for option in options]
    rule = f"it must be {' or '.join(dict.fromkeys(map(_name, options)))}"

    def check(value: Any) -> Foreign | None:
        within = None
        for one in checks:
            foreign = one(value)
            if foreign is None:
                return None
            if foreign.path:
                within = within or foreign
        # An option that came as far as the value's parts says best what is wrong.
        return within or Foreign((), value, rule)

    return check


def _row(checks: Sequence[Check]) -> Check:
    def check(value: Any) -> Foreign | None:
        if not isinstance(value, tuple) or len(value) != len(checks):
            return Foreign((), value, f"it must be a tuple of {len(checks)}")
        return _first((index, one(item)) for index, (one, item) in enumerate(zip(checks, value, strict=True)))

    return check


def _items(kind: Any, one: Check) -> Check:
    rule = f"it must be {_NAMES[kind]}"

    def check(value: Any) -> Foreign | None:
        # A text is a sequence of letters, which nobody means.
        if not isinstance(value, kind) or isinstance(value, (str, bytes)):
            return Foreign((), value, rule)
        return _first((index, one(item)) for index, item in enumerate(value))

    return check


def _mapping(kind: Any, key: Check, item: Check) -> Check:
    rule = f"it must be {_NAMES[kind]}"

    def entries(value: Mapping[Any, Any]) -> Iterator[tuple[int | str, Foreign | None]]:
        for name, found in value.items():
            yield str(name), key(name) or item(found)

    return lambda value: _first(entries(value)) if isinstance(value, kind) else Foreign((), value, rule)


def _first(found: Iterable[tuple[int | str, Foreign | None]]) -> Foreign | None:
    for place, foreign in found:
        if foreign is not None:
            return foreign._replace(path=(place, *foreign.path))
    return None

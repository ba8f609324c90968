"""Values of types that a field does not name, and values that are of their type and need follow no rule."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any


class Stranger:
    """Of no type that anybody names."""


FOREIGN: dict[str, Any] = {
    "none": None,
    "bool": True,
    "int": 10**9 + 7,
    "float": 2.0,
    "str": "no word of anybody",
    "bytes": b"bytes",
    "tuple": (Stranger(),),
    "list": [Stranger()],
    "dict": {"a": Stranger()},
    "class": Stranger,
    "object": Stranger(),
}
"""By what it is. Containers hold what belongs into none of them."""
_TAKEN = {int: {"int"}, float: {"int", "float"}, str: {"str"}, bool: {"bool"}, types.NoneType: {"none"}}


def foreign_to(annotation: Any) -> Iterator[Any]:
    """Every value above that the annotation does not take."""
    taken = _taken(annotation)
    return (value for name, value in FOREIGN.items() if name not in taken)


def _taken(annotation: Any) -> set[str]:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _taken(inner[0])
    if origin in (typing.Union, types.UnionType):
        return set().union(*map(_taken, inner))
    if annotation in (object, Any):
        return set(FOREIGN)
    if origin is typing.Literal:
        return {"bool"} & {type(word).__name__ for word in inner}
    if origin is not None and inner and inner[-1] is Any:
        return {getattr(origin, "__name__", "").lower().replace("mapping", "dict")}
    if origin is type:
        return {"class"}
    return _TAKEN.get(annotation, set())


def sample_of(annotation: Any) -> Any:
    """A value of the type; objects are empty shells."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType, typing.Literal, typing.Annotated):
        return inner[0] if origin is typing.Literal else sample_of(inner[0])
    if origin is tuple:
        return () if inner[-1] is ... else tuple(map(sample_of, inner))
    if origin is type:
        return sample_of(inner[0]).__class__
    if origin is not None:
        return {} if issubclass(dict, origin) else origin()
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return next(iter(annotation))
    if annotation in (int, float, str, bool, Path):
        return annotation()
    if annotation is date:
        return date.min
    return None if annotation is types.NoneType else object.__new__(annotation)

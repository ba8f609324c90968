"""Bodies that are JSON, read strictly: refused is what parsers read differently, and what nests too deeply."""

import json
import math
import re
from itertools import chain
from typing import Any

_MAXIMUM_DEPTH = 64
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class BodyError(ValueError):
    """A body that the model server must not see; the message names the field, the value and the rule."""


def parse(text: bytes) -> dict[str, Any]:
    """The object that a body is.

    Raises:
        BodyError: it is none, or parsers would differ on it.
    """
    try:
        decoded = text.decode()
        document = json.loads(
            decoded, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_without_repetition
        )
    except UnicodeDecodeError as error:
        raise BodyError(f"body: it is no JSON: byte {error.start} is no UTF-8") from None
    except RecursionError:
        raise BodyError(f"body: its values are nested more than {_MAXIMUM_DEPTH} deep") from None
    except BodyError:
        raise
    except ValueError as error:
        raise BodyError(f"body: it is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise BodyError(f"body: got a JSON {kind_of(document)}, but an inference request is an object with 'inputs'")
    if _ESCAPED_SURROGATE.search(decoded):
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise BodyError("body: it is no JSON: a string has half of a surrogate pair") from None
    _check_depth(document)
    return document


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_MAXIMUM_DEPTH):
        below = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for item in chain.from_iterable(below) if isinstance(item, dict | list)]
        if not level:
            return
    raise BodyError(f"body: its values are nested more than {_MAXIMUM_DEPTH} deep")


_REQUIRED: Any = object()


def member(parent: dict[str, Any], path: str, name: str, kind: type, *, default: Any = _REQUIRED) -> Any:
    """A member of the object at `path`, which must be of a kind; `default` where it may be left out.

    Raises:
        BodyError: it is missing, or of another kind.
    """
    where = f"{path}.{name}" if path else name
    if name not in parent:
        if default is _REQUIRED:
            raise BodyError(f"{where}: it is missing")
        return default
    value = parent[name]
    if not isinstance(value, kind):
        raise BodyError(f"{where}: got a JSON {kind_of(value)}, but it must be {_NOUNS[kind]}")
    return value


_NOUNS: dict[type, str] = {list: "an array", dict: "an object", str: "a string"}


def kind_of(value: Any) -> str:
    """What JSON calls a value's type."""
    if value is None:
        return "null"
    kinds: dict[type, str] = {bool: "boolean", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "number")


def _no_constant(name: str) -> None:
    raise BodyError(f"body: it is no JSON: {name} is no JSON value")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise BodyError(f"body: the number {text[:40]} is too large")
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BodyError("body: an object has one name twice, and parsers differ in which one they take")
    return members

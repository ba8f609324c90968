"""Hyperparameters cross the wall as strings: encoded as JSON, decoded strictly.

SageMaker takes at most 100 hyperparameters, a key of at most 256 and a value of at most 2,500 characters
(CreateTrainingJob, API reference, read 2026-11).
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from ml_contract.errors import ContractError, reject

T = TypeVar("T")
MAXIMUM_COUNT = 100
MAXIMUM_VALUE_LENGTH = 2500


def encode(value: object) -> dict[str, str]:
    """Encode a dataclass: field name to JSON text; strings stay bare, ``None`` is left out.

    Raises:
        ContractError: More fields or longer values than SageMaker takes.
    """
    assert dataclasses.is_dataclass(value)
    encoded = {}
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if item is None:
            continue
        text = item if isinstance(item, str) else json.dumps(to_json(item), separators=(",", ":"))
        if len(text) > MAXIMUM_VALUE_LENGTH:
            reject(
                field.name,
                text[:40] + "…",
                f"a hyperparameter holds at most {MAXIMUM_VALUE_LENGTH} characters",
                "Put long values into a file of a channel.",
            )
        encoded[field.name] = text
    if len(encoded) > MAXIMUM_COUNT:
        reject("hyperparameters", len(encoded), f"SageMaker takes at most {MAXIMUM_COUNT}", "Remove some.")
    return encoded


def to_json(value: Any) -> Any:
    """Plain JSON values of a dataclass and all below it; one of several kinds carries its ``kind`` as a tag."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        tag = {"kind": value.kind} if hasattr(value, "kind") else {}
        return tag | {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def decode(kind: type[T], raw: Mapping[str, str]) -> T:
    """Decode strings into ``kind``, a dataclass; its own checks of range run too.

    Raises:
        ContractError: An unknown or missing name, or a value of the wrong type; ``field`` names it.
    """
    return decode_values(kind, {name: _parsed(text) for name, text in raw.items()}, texts=raw)


def decode_json(kind: type[T], text: str, *, source: str) -> T:
    """Decode one JSON object, as processing modules get their options.

    Args:
        kind: The dataclass to build.
        text: The JSON text.
        source: Where the text came from, for the error.

    Raises:
        ContractError: No JSON object, or what :func:`decode` refuses.
    """
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        reject(source, text[:80], f"it must be a JSON object ({error})", "Write an object such as {}.")
    if not isinstance(values, dict):
        reject(source, text[:80], "it must be a JSON object", "Write an object such as {}.")
    return decode_values(kind, values)


def decode_values(kind: type[T], values: Mapping[str, Any], *, texts: Mapping[str, str] | None = None) -> T:
    """Build ``kind`` from plain values, refusing what its fields do not name or allow."""
    assert dataclasses.is_dataclass(kind)
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name, value in values.items():
        if name not in fields:
            reject(name, value, f"{kind.__name__} has no such field", f"Its fields are {', '.join(sorted(fields))}.")
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in values:
            reject(name, None, f"{kind.__name__} requires it", f"Give {name}.")
    converted = {name: _converted(name, hints[name], value, (texts or {}).get(name)) for name, value in values.items()}
    return kind(**converted)


def _nested(name: str, options: tuple[Any, ...], value: Any) -> Any:
    """An object of the dataclass that its tag names, or of the only one there is; errors carry the path to it."""
    by_kind = {getattr(option, "kind", None): option for option in options}
    if not isinstance(value, dict):
        reject(name, value, "it must be a JSON object", 'Write it like {"kind": …} with the fields of that kind.')
    content = dict(value)
    tag = content.pop("kind", None) if None not in by_kind else None
    if tag not in by_kind:
        reject(f"{name}.kind", tag, f"it must be one of {', '.join(map(repr, by_kind))}", "Choose one of these.")
    try:
        return decode_values(by_kind[tag], content)
    except ContractError as error:
        raise ContractError(f"{name}.{error.field}", error.value, error.rule, error.way_out) from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _converted(name: str, hint: Any, value: Any, text: str | None) -> Any:
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    options = typing.get_args(hint) if union else (hint,)
    if value is None and type(None) in options:
        return None
    options = tuple(option for option in options if option is not type(None))
    if all(dataclasses.is_dataclass(option) for option in options):
        return _nested(name, options, value)
    (hint,) = options
    return _plain(name, hint, value, text)


def _plain(name: str, hint: Any, value: Any, text: str | None) -> Any:
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        choices = typing.get_args(hint)
        candidate = text if text in choices else value
        if candidate in choices:
            return candidate
        reject(name, value, f"it must be one of {', '.join(map(repr, choices))}", "Choose one of these.")
    if origin is tuple:
        if isinstance(value, list):
            inner = typing.get_args(hint)[0]
            return tuple(_converted(f"{name}[{index}]", inner, item, None) for index, item in enumerate(value))
        reject(name, value, "it must be a JSON list", f"Write {name} as [a, b].")
    if hint is str:
        if text is not None:
            return text
        if isinstance(value, str):
            return value
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif hint in (int, bool) and type(value) is hint:
        return value
    reject(
        name,
        text if text is not None else value,
        f"it must be of type {getattr(hint, '__name__', hint)}",
        f"Write {name} as JSON, for example {_EXAMPLES.get(hint, '…')}.",
    )


_EXAMPLES = {int: "12", float: "0.5", bool: "true", str: "text"}

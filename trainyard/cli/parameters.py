"""Values that a user types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, get_args

from ml_contract.errors import ContractError, reject

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def pairs(items: Sequence[str], option: str = "--parameter", example: str = "-p Seed=1") -> dict[str, str]:
    """Read NAME=VALUE items.

    Args:
        items: What was typed.
        option: How it was asked for.
        example: How it is written.

    Raises:
        ContractError: An item has no ``=``, or a name comes twice.
    """
    found: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name:
            reject(option, item, "it must look like NAME=VALUE", f"Write for example {example}.")
        if name in found:
            reject(option, item, f"{name} was given already", "Give each name once.")
        found[name] = value
    return found


def seconds(text: str, field: str) -> float:
    """Read a duration such as ``20s``, ``1.5m`` or ``90``.

    Raises:
        ContractError: It is no duration.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h|)", text.strip())
    if match is None:
        reject(field, text, "it must be a duration", "Write for example 20s, 1.5m or 1h.")
    return float(match.group(1)) * _UNITS[match.group(2)]


def chosen(text: str, field: str, among: Any) -> Any:
    """One of a ``Literal``'s values.

    Raises:
        ContractError: It is none of them.
    """
    if text not in get_args(among):
        reject(field, text, "there is no such choice", f"Give one of {', '.join(get_args(among))}.")
    return text


@contextmanager
def typed_as(options: Mapping[str, str]) -> Iterator[None]:
    """Errors name the option that was typed, where a value object names its field.

    Args:
        options: Field → option.
    """
    try:
        yield
    except ContractError as error:
        if error.field not in options:
            raise
        raise ContractError(options[error.field], error.value, error.rule, error.way_out) from None

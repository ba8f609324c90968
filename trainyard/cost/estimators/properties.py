"""Reading what a resource's properties tell, and saying what they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainyard.cost.functions import Unresolved

_ABSURD = 1e15


class NotTold(Exception):
    """A value that an estimate needs and the template does not tell; the message says which."""


def number(properties: Mapping[str, Any], name: str, default: float | None = None) -> float:
    """A number of a resource's properties.

    Raises:
        NotTold: It is not there, is none, or is below 0.
    """
    value = properties.get(name, default)
    if isinstance(value, bool) or value is None or isinstance(value, dict | list | Unresolved):
        raise NotTold(_missing(name, value))
    try:
        found = float(value)
    except ValueError:
        raise NotTold(_missing(name, value)) from None
    if not 0 <= found < _ABSURD:
        raise NotTold(f"{name} is {found:g}, which is no amount")
    return found


def text(properties: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A text of a resource's properties.

    Raises:
        NotTold: It is not there, or a part of it is only known when deployed.
    """
    value = properties.get(name, default)
    if not isinstance(value, str) or "${" in value:
        raise NotTold(_missing(name, value))
    return value


def items(properties: Mapping[str, Any], name: str) -> list[Any]:
    """A list of a resource's properties; empty where it is not there.

    Raises:
        NotTold: It is only known when deployed.
    """
    value = properties.get(name) or []
    if not isinstance(value, list):
        raise NotTold(_missing(name, value))
    return value


def _missing(name: str, value: Any) -> str:
    if value is None:
        return f"{name} is not in the template"
    way_out = " (give --parameter)" if str(value).startswith("${") and "." not in str(value) else ""
    return f"{name} is {str(value)[:80]}, which the template does not tell{way_out}"

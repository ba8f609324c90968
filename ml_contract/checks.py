"""The checks that value objects share."""

from __future__ import annotations

import re

from ml_contract.errors import reject


def at_least(field: str, value: float, minimum: float) -> None:
    """Refuse a value below ``minimum``."""
    if value < minimum:
        reject(field, value, f"it must be at least {minimum}", f"Give {minimum} or more.")


def between(field: str, value: float, low: float, high: float, *, open_low: bool = False) -> None:
    """Refuse a value outside low … high; ``open_low`` refuses ``low`` itself too."""
    if not (low < value if open_low else low <= value) or not value <= high:
        bounds = f"greater than {low} and at most {high}" if open_low else f"between {low} and {high}"
        reject(field, value, f"it must be {bounds}", "Give a value in that range.")


def multiple(field: str, value: int, factor: int, name: str) -> None:
    """Refuse a value that ``factor`` does not divide."""
    if value % factor:
        reject(field, value, f"it must be a multiple of {name} ({factor})", f"Give {value - value % factor or factor}.")


def matches(field: str, value: str, pattern: str) -> None:
    """Refuse a text that ``pattern`` does not match as a whole."""
    if not re.fullmatch(pattern, value):
        reject(field, value, f"it must match {pattern}", "Give another one.")

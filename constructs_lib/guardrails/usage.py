"""Which instances and how long runs a value asks for, wherever it says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from constructs_lib.guardrails.settings import Guardrails

_TYPES = frozenset({"instance_type", "instance_types", "fallbacks"})
_RUNS = frozenset({"max_run_seconds"})
# What a registered model could be served with starts nothing.
_ELSEWHERE = frozenset({"packaging"})


def check(guardrails: Guardrails, value: BaseModel) -> None:
    """Refuse a value that asks for more than the guardrails allow.

    Args:
        guardrails: The limits.
        value: For example an environment; its fields are looked through to the last.

    Raises:
        ContractError: With the field's path below ``value``.
    """
    for path, name, found in _fields(value):
        for each in found if isinstance(found, tuple) else (found,):
            if name in _TYPES and isinstance(each, str):
                guardrails.check_instance(path, each)
            elif name in _RUNS and isinstance(each, int):
                guardrails.check_run(path, each)


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, BaseModel):
        parts: Mapping[str, Any] = {name: getattr(value, name) for name in type(value).model_fields}
    elif isinstance(value, tuple):
        parts = {str(getattr(each, "name", rank)): each for rank, each in enumerate(value)}
    else:
        return
    for name, part in parts.items():
        if name not in _ELSEWHERE:
            below = f"{path}.{name}" if path else name
            yield below, name, part
            yield from _fields(part, below)

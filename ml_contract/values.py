"""The one form of value object of the contract."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, dataclass_transform

from ml_contract.errors import reject
from ml_contract.field_types import Check, check_of

T = TypeVar("T")
_WHEN_BUILT = "__post_init__"


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value_object(kind: type[T]) -> type[T]:
    """A dataclass that is frozen and keyword-only, and whose fields are of their types when ``__post_init__`` begins.

    Raises:
        ContractError: One is built with a value of another type; ``field`` names class and field.
    """
    own: Callable[[T], None] | None = vars(kind).get(_WHEN_BUILT)

    def checked(built: T) -> None:
        _refuse_foreign(built)
        if own is not None:
            own(built)

    # One without checks of its own has those of its base, which begin with these.
    if own is not None or not hasattr(kind, _WHEN_BUILT):
        setattr(kind, _WHEN_BUILT, checked)
    return dataclass(frozen=True, kw_only=True)(kind)


def _refuse_foreign(built: Any) -> None:
    kind: Any = type(built)
    for name, check in _checks(kind).items():
        foreign = check(getattr(built, name))
        if foreign is not None:
            path = ".".join(map(str, (kind.__name__, name, *foreign.path)))
            reject(path, foreign.value, foreign.rule, f"Give {name} as {kind.__name__} declares it.")


@cache
def _checks(kind: type) -> Mapping[str, Check]:
    # When the first one is built: what annotations name is there then, and importing takes no longer for it.
    hints = typing.get_type_hints(kind)
    return {one.name: check_of(hints[one.name]) for one in fields(kind)}

"""Conditions of Condition steps."""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from trainyard.local.pipelines.references import ExpressionError

_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
# The fields of each type, as sagemaker.core.workflow.conditions writes them (SDK 3.27, November 2026).
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(_COMPARISONS, ("LeftValue", "RightValue")),
    "In": ("QueryValue", "Values"),
    "Not": ("Condition",),
    "Or": ("Conditions",),
}


def problems(condition: object, where: str) -> Iterator[str]:
    """What is wrong with a condition, however deep."""
    if not isinstance(condition, Mapping):
        yield f"{where}: it must be an object with Type"
        return
    kind = condition.get("Type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        yield f"{where}.Type: got {kind!r}, but it must be one of {', '.join(_FIELDS)}"
        return
    fields = _FIELDS[kind]
    for name in sorted({"Type", *fields} ^ set(condition)):
        rule = "is unknown" if name in condition else "is missing"
        yield f"{where}: field {name!r} {rule}; {kind} has {', '.join(fields)}"
    if set(fields) - set(condition):
        return
    if kind == "Not":
        yield from problems(condition["Condition"], f"{where}.Condition")
    elif kind in ("Or", "In"):
        yield from _list_problems(condition[fields[-1]], f"{where}.{fields[-1]}", conditions=kind == "Or")


def holds(condition: Mapping[str, Any], resolve: Callable[[object], object]) -> bool:
    """Whether a valid condition is true.

    Args:
        condition: the condition.
        resolve: gives the value of an expression.

    Raises:
        ExpressionError: an expression has no value, or two values cannot be compared.
    """
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"], resolve)
    if kind == "Or":
        return any(holds(item, resolve) for item in condition["Conditions"])
    if kind == "In":
        query = resolve(condition["QueryValue"])
        return any(_compare("Equals", query, resolve(item)) for item in condition["Values"])
    return _compare(kind, resolve(condition["LeftValue"]), resolve(condition["RightValue"]))


def _compare(kind: str, left: object, right: object) -> bool:
    families = {_family(left), _family(right)}
    if len(families) > 1 or None in families or (families == {"boolean"} and kind != "Equals"):
        raise ExpressionError(
            f"{kind} cannot compare {left!r} with {right!r}: both must be numbers or both strings"
            + (", or both booleans." if kind == "Equals" else ".")
        )
    return _COMPARISONS[kind](left, right)


def _family(value: object) -> str | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else None


def _list_problems(items: object, where: str, *, conditions: bool) -> Iterator[str]:
    if not isinstance(items, list) or not items:
        yield f"{where}: it must be a list with at least one item"
    elif conditions:
        for index, item in enumerate(items):
            yield from problems(item, f"{where}[{index}]")

"""Conditions, evaluated with every function that CloudFormation allows in them.

The emulator's own knows Ref and Select only: a Join, a mapping or a pseudo parameter stays as it is written, so that
`{"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "List"}]}]}` is never true.
"""

from collections.abc import Mapping
from typing import Any

from ministack.services.cloudformation import changesets, engine, handlers, stacks

_MODULES = (changesets, engine, handlers, stacks)
"""Each of them imports the function by name."""


def evaluate(template: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, bool]:
    """Every condition of a template by name.

    Raises:
        ValueError: A condition that does not exist is named, or conditions name each other in a circle.
    """
    conditions = _Conditions(template, parameters)
    return {name: conditions.named(name) for name in template.get("Conditions") or {}}


class _Conditions:
    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        self._defined: Mapping[str, Any] = template.get("Conditions") or {}
        self._mappings: Mapping[str, Any] = template.get("Mappings") or {}
        self._parameters = parameters
        self._known: dict[str, bool] = {}
        self._open: list[str] = []

    def named(self, name: str) -> bool:
        if name in self._known:
            return self._known[name]
        if name not in self._defined:
            raise ValueError(f"Template validation error: there is no condition {name}")
        if name in self._open:
            raise ValueError(f"Template validation error: circular conditions {' → '.join([*self._open, name])}")
        self._open.append(name)
        self._known[name] = self._holds(self._defined[name])
        self._open.pop()
        return self._known[name]

    def _value(self, expression: Any) -> Any:
        # Conditions see parameters, mappings and pseudo parameters; a stack's own name is not known to this hook.
        return engine._resolve_refs(expression, {}, self._parameters, self._known, self._mappings, "", "")

    def _holds(self, expression: Any) -> bool:
        if not isinstance(expression, Mapping) or len(expression) != 1:
            raise ValueError("Template validation error: a condition is one function, e.g. Fn::Equals")
        function, arguments = next(iter(expression.items()))
        match function:
            case "Condition":
                return self.named(arguments)
            case "Fn::And":
                return all(map(self._holds, arguments))
            case "Fn::Or":
                return any(map(self._holds, arguments))
            case "Fn::Not":
                return not self._holds(arguments[0])
            case "Fn::Equals":
                left, right = map(self._value, arguments)
                return _text(left) == _text(right)
        raise ValueError(f"Template validation error: {function} is no condition function")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def install() -> None:
    """Replaces the emulator's evaluation wherever it is used."""
    for module in _MODULES:
        assert hasattr(module, "_evaluate_conditions"), f"{module.__name__} evaluates no conditions any more"
        module._evaluate_conditions = evaluate

"""Steps that decide and steps that give up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from constructs_lib.training.binding import Binding
from constructs_lib.training.expressions import Expression
from constructs_lib.training.steps.base import Step
from constructs_lib.values import Value


class Comparison(Value):
    """Two values compared."""

    left: Expression
    """What is compared."""
    operator: Literal["Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"]
    """How."""
    right: Expression | str | int | float | bool
    """What it is compared with."""

    def render(self) -> dict[str, Any]:
        """The comparison as the definition writes it, with expressions unrendered."""
        return {"Type": self.operator, "LeftValue": self.left, "RightValue": self.right}


class ConditionStep(Step):
    """Takes one of two ways."""

    conditions: tuple[Comparison, ...] = Field(min_length=1)
    """All must hold."""
    if_steps: tuple[Step, ...] = ()
    """Steps that run when they do."""
    else_steps: tuple[Step, ...] = ()
    """Steps that run when one does not."""

    def nested(self) -> Iterable[Step]:
        return (*self.if_steps, *self.else_steps)

    def bind(self, binding: Binding, /) -> dict[str, Any]:
        arguments = {
            "Conditions": [condition.render() for condition in self.conditions],
            "IfSteps": [step.bind(binding) for step in self.if_steps],
            "ElseSteps": [step.bind(binding) for step in self.else_steps],
        }
        return self.entry("Condition", arguments)


class FailStep(Step):
    """Ends the execution as failed, with a message."""

    message: str | Expression
    """What an operator reads."""

    def bind(self, _binding: Binding, /) -> dict[str, Any]:
        return self.entry("Fail", {"ErrorMessage": self.message})

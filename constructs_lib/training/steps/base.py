"""What all steps share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from constructs_lib.training.binding import Binding
from constructs_lib.training.expressions import Expression
from constructs_lib.values import Value
from ml_contract.errors import reject

LONGEST_ENVIRONMENT_VALUE = 512
MOST_ENVIRONMENT_VARIABLES = 100


class Step(Value):
    """One step."""

    name: str = Field(pattern=r"^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$")
    """Name inside the pipeline, at most 63 characters."""
    depends_on: tuple[str, ...] = ()
    """Steps that come first although nothing of theirs is read; none by default."""

    def bind(self, binding: Binding, /) -> dict[str, Any]:
        """Grant what the step needs and give its entry in the definition, with expressions unrendered."""
        raise NotImplementedError

    def nested(self) -> Iterable[Step]:
        """Steps inside this one."""
        return ()

    def entry(self, kind: str, arguments: dict[str, Any], **further: Any) -> dict[str, Any]:
        """The entry in the definition."""
        order = {"DependsOn": list(self.depends_on)} if self.depends_on else {}
        rest = {name: value for name, value in further.items() if value}
        return {"Name": self.name, "Type": kind, **order, "Arguments": arguments, **rest}


Environment = dict[str, str | Expression]


def check_environment(environment: Environment) -> None:
    """Hold a container's environment against SageMaker's limits.

    Raises:
        ContractError: Too many variables, or a value that is too long.
    """
    if len(environment) > MOST_ENVIRONMENT_VARIABLES:
        reject("environment", len(environment), f"SageMaker takes at most {MOST_ENVIRONMENT_VARIABLES} variables",
               "Put the rest into a file of an input.")  # fmt: skip
    for name, value in environment.items():
        if isinstance(value, str) and len(value) > LONGEST_ENVIRONMENT_VALUE:
            reject(f"environment.{name}", value[:40] + "…",
                   f"a variable holds at most {LONGEST_ENVIRONMENT_VALUE} characters",
                   "Put long values into a file of an input.")  # fmt: skip

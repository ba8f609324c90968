"""Expressions that SageMaker Pipelines evaluates while an execution runs.

Source: "Pipeline definition JSON schema" (aws-sagemaker-mlops.github.io, version 2020-12-01) and the SageMaker SDK's
own output, read 2026-11.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject


class Expression(Value):
    """A value that is known only to a running execution."""

    def render(self) -> dict[str, Any]:
        """The expression as the definition writes it."""
        raise NotImplementedError


class Get(Expression):
    """A value by its path: ``Parameters.X``, ``Execution.X``, ``Steps.X.…``."""

    path: str = Field(pattern=r"^(Parameters|Execution|Steps)\.[A-Za-z0-9_.\[\]'-]+$")
    """The path, for example ``Steps.Train.ModelArtifacts.S3ModelArtifacts``."""

    def render(self) -> dict[str, Any]:
        return {"Get": self.path}


class Join(Expression):
    """Parts joined into one string; with one part, that part as a string."""

    on: str = ""
    """What stands between the parts; nothing by default."""
    values: tuple[str | Expression, ...] = Field(min_length=1)
    """Parts: text, CDK tokens, expressions."""

    def render(self) -> dict[str, Any]:
        return {"Std:Join": {"On": self.on, "Values": [render(value) for value in self.values]}}


class JsonGet(Expression):
    """A figure from the JSON file that a step wrote."""

    step: str
    """Name of the processing step that declares the property file."""
    property_file: str
    """Name of the property file."""
    path: str
    """Path inside the file, for example ``bits_per_byte``."""

    def render(self) -> dict[str, Any]:
        file = f"Steps.{self.step}.PropertyFiles.{self.property_file}"
        return {"Std:JsonGet": {"PropertyFile": {"Get": file}, "Path": self.path}}


EXECUTION_ID = Get(path="Execution.PipelineExecutionId")
"""Different for every execution, the same in all its steps and retries."""
EXECUTION_ARN = Get(path="Execution.PipelineExecutionArn")

_TYPES: dict[str, tuple[type, ...]] = {"String": (str,), "Integer": (int,), "Float": (float, int), "Boolean": (bool,)}


class Parameter(Expression):
    """What an operator may vary from execution to execution."""

    name: str = Field(pattern=r"^[A-Za-z0-9](-*[A-Za-z0-9_])*$", max_length=256)
    """Name, for example ``BitsPerByteThreshold``."""
    type: Literal["String", "Integer", "Float", "Boolean"]
    """Type that StartPipelineExecution checks."""
    default: str | int | float | bool | None = None
    """Value where the operator gives none; without it every start must give one."""
    choices: tuple[str, ...] = ()
    """Values that a String may have; any by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        wrong = not isinstance(self.default, _TYPES[self.type]) or (self.type != "Boolean") == isinstance(
            self.default, bool
        )
        if self.default is not None and wrong:
            reject("default", self.default, f"the parameter {self.name} is of type {self.type}",
                   f"Give a default of type {self.type}.")  # fmt: skip
        if self.choices and self.default is not None and self.default not in self.choices:
            reject("default", self.default, f"the parameter {self.name} allows {', '.join(self.choices)}",
                   "Choose one of these.")  # fmt: skip
        return self

    def render(self) -> dict[str, Any]:
        return {"Get": f"Parameters.{self.name}"}

    def as_text(self) -> Expression:
        """The parameter as a string, for hyperparameters, which hold nothing else."""
        return self if self.type == "String" else Join(values=(self,))

    def declaration(self) -> dict[str, Any]:
        """Its entry under ``Parameters`` of the definition."""
        entry: dict[str, Any] = {"Name": self.name, "Type": self.type}
        if self.default is not None:
            entry["DefaultValue"] = self.default
        if self.choices:
            entry["EnumValues"] = list(self.choices)
        return entry


def render(value: Any) -> Any:
    """Write ``value`` as the definition does, with every expression inside it."""
    if isinstance(value, Expression):
        return value.render()
    if isinstance(value, dict):
        return {name: render(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [render(item) for item in value]
    return value

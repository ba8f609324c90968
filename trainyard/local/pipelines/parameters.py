"""Parameters of a pipeline: declared in its definition, given as strings when an execution starts."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from trainyard.local.api.errors import invalid

Value = str | int | float | bool

_NAME = re.compile(r"[A-Za-z0-9\-_]{1,256}")
_KEYS = {"Name", "Type", "DefaultValue", "EnumValues", "Description"}
_INTEGER = re.compile(r"[+-]?\d+")
MAX_PARAMETERS: Final = 200
"""StartPipelineExecution's own limit on PipelineParameters (botocore 1.43)."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A declared parameter."""

    name: str
    type: str
    """String, Integer, Float or Boolean."""
    default: Value | None = None
    """None: a value must be given with every execution."""
    enum_values: tuple[str, ...] = ()
    """Values a String may have; empty means any."""

    def read(self, text: str) -> Value:
        """The value that `text` stands for.

        Raises:
            ValueError: it is not of the parameter's type, or not among its values.
        """
        if self.type == "Boolean":
            if text.lower() not in ("true", "false"):
                raise ValueError("but it is a Boolean. Give true or false")
            return text.lower() == "true"
        if self.type == "Integer":
            if not _INTEGER.fullmatch(text):
                raise ValueError("but it is an Integer. Give a whole number")
            return int(text)
        if self.type == "Float":
            return _float(text)
        if self.enum_values and text not in self.enum_values:
            raise ValueError(f"but it must be one of its EnumValues. Give one of {', '.join(self.enum_values)}")
        return text


def declared(raw: object) -> tuple[dict[str, Parameter], list[str]]:
    """Reads the Parameters of a definition: the valid ones by name, and what is wrong with the others."""
    if not isinstance(raw, list):
        return {}, ["Parameters: it must be a list"]
    found: dict[str, Parameter] = {}
    problems = [f"Parameters: {len(raw)} are too many; a pipeline has at most {MAX_PARAMETERS}"] * (
        len(raw) > MAX_PARAMETERS
    )
    for index, item in enumerate(raw):
        problem = _problem(item, found)
        if problem:
            problems.append(f"Parameters[{index}]{problem}")
            continue
        found[item["Name"]] = Parameter(
            name=item["Name"],
            type=item["Type"],
            default=item.get("DefaultValue"),
            enum_values=tuple(item.get("EnumValues", ())),
        )
    return found, problems


def bind(parameters: Mapping[str, Parameter], given: Iterable[Mapping[str, str]]) -> dict[str, Value]:
    """The value of every parameter in one execution.

    Raises:
        ServiceError: ValidationException that names every parameter which is unknown, missing, twice there, or not of
            its type.
    """
    values: dict[str, Value] = {}
    problems = []
    for entry in given:
        name, text = entry["Name"], entry["Value"]
        parameter = parameters.get(name)
        if parameter is None:
            problems.append(_unknown(name, parameters))
        elif name in values:
            problems.append(f"Parameter {name!r}: it is given twice")
        else:
            try:
                values[name] = parameter.read(text)
            except ValueError as error:
                problems.append(f"Parameter {name!r}: got {text!r}, {error}")
    refused = {entry["Name"] for entry in given}
    for name, parameter in parameters.items():
        if name in refused:
            continue
        if parameter.default is None:
            problems.append(f"Parameter {name!r}: it has no default value, so every execution must give it")
        else:
            values[name] = parameter.default
    if problems:
        raise invalid(f"PipelineParameters: {'; '.join(problems)}.")
    return values


def _problem(item: Any, found: Mapping[str, Parameter]) -> str:
    if not isinstance(item, Mapping):
        return ": it must be an object with Name and Type"
    unknown = sorted(set(item) - _KEYS)
    if unknown:
        return f": unknown field {unknown[0]!r}; a parameter has {', '.join(sorted(_KEYS))}"
    name = item.get("Name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f".Name: got {name!r}, but it must be 1 to 256 letters, digits, - or _"
    if name in found:
        return f".Name: {name!r} is declared twice"
    problem = _type_problem(item)
    return f" ({name!r}).{problem}" if problem else ""


def _type_problem(item: Mapping[str, Any]) -> str:
    kind, default, choices = item.get("Type"), item.get("DefaultValue"), item.get("EnumValues")
    if kind not in ("String", "Integer", "Float", "Boolean"):
        return f"Type: got {kind!r}, but it must be String, Integer, Float or Boolean"
    if choices is not None and (
        kind != "String" or not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices)
    ):
        return "EnumValues: only a String has them, as a list of strings"
    if default is None:
        return ""
    if not _is_of(kind, default):
        return f"DefaultValue: got {default!r}, but its Type is {kind}"
    if choices and default not in choices:
        return f"DefaultValue: got {default!r}, but it must be one of its EnumValues {', '.join(choices)}"
    return ""


def _is_of(kind: str, value: object) -> bool:
    if kind == "String":
        return isinstance(value, str)
    if kind == "Boolean" or isinstance(value, bool):
        return kind == "Boolean" and isinstance(value, bool)
    return isinstance(value, int) if kind == "Integer" else isinstance(value, int | float)


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError("but it is a Float. Give a finite number")
    return value


def _unknown(name: str, parameters: Mapping[str, Parameter]) -> str:
    close = difflib.get_close_matches(name, parameters, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(parameters) or 'none'}"
    return f"Parameter {name!r}: the pipeline has no such parameter ({hint})"

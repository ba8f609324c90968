"""Pipeline expressions as written: {"Get": …}, {"Std:Join": …} and {"Std:JsonGet": …}, and what they refer to."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Path = tuple[str | int, ...]
"""Keys and list indices that lead to a value."""

FUNCTIONS = ("Get", "Std:Join", "Std:JsonGet")
EXECUTION_VARIABLES = (
    "CurrentDateTime",
    "PipelineArn",
    "PipelineExecutionArn",
    "PipelineExecutionId",
    "PipelineName",
    "ProcessingJobName",
    "StartDateTime",
    "TrainingJobName",
)
"""As sagemaker.core.workflow.execution_variables writes them (SDK 3.27, November 2026)."""

_SEGMENT = re.compile(r"""(?P<name>[^.\[\]'"]+)|\[(?P<index>\d+)\]|\['(?P<single>.*?)'\]|\["(?P<double>.*?)"\]""")


class ExpressionError(ValueError):
    """An expression that cannot be read, or has no value."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What one Get refers to."""

    kind: Literal["parameter", "execution", "step", "file"]
    name: str
    """The parameter, execution variable or step."""
    path: Path = ()
    """The property of the step's Describe answer, or the one name of the property file."""
    text: str
    """The reference as it was written."""


def function_of(value: object) -> str | None:
    """The function that `value` calls, or None when it is no expression."""
    if isinstance(value, Mapping) and len(value) == 1:
        name = next(iter(value))
        if isinstance(name, str) and (name in FUNCTIONS or name.startswith("Std:")):
            return name
    return None


def parse_path(text: str) -> Path:
    """Reads a property path: `A.B[0].C['key with. dots']`.

    Raises:
        ExpressionError: the text is no path.
    """
    path: list[str | int] = []
    position = 0
    while position < len(text):
        dot = text[position] == "."
        match = _SEGMENT.match(text, position + dot)
        # A dot stands before every name but the first, and nowhere else.
        if match is None or dot != (match["name"] is not None and position > 0):
            raise ExpressionError(f"{text!r} is no property path: write A.B[0].C['key'].")
        if match["index"] is not None:
            path.append(int(match["index"]))
        else:
            path.append(next(part for part in match.group("name", "single", "double") if part is not None))
        position = match.end()
    if not path:
        raise ExpressionError("an empty path leads nowhere: write A.B[0].C['key'].")
    return tuple(path)


def parse_get(text: object) -> Reference:
    """Reads the text of a Get.

    Raises:
        ExpressionError: it is not Parameters.NAME, Execution.VARIABLE or Steps.STEP.PROPERTY.
    """
    root, _, rest = text.partition(".") if isinstance(text, str) else ("", "", "")
    if root == "Parameters" and rest:
        return Reference(kind="parameter", name=rest, text=str(text))
    if root == "Execution" and rest in EXECUTION_VARIABLES:
        return Reference(kind="execution", name=rest, text=str(text))
    if root == "Execution":
        raise ExpressionError(f"Get: {text!r} is no execution variable. There are {', '.join(EXECUTION_VARIABLES)}.")
    if root == "Steps" and rest:
        name, *path = parse_path(rest)
        if path[:1] == ["PropertyFiles"] and len(path) == 2:
            return Reference(kind="file", name=str(name), path=(path[1],), text=str(text))
        if path:
            return Reference(kind="step", name=str(name), path=tuple(path), text=str(text))
    raise ExpressionError(
        f"Get: {text!r} refers to nothing. Write Parameters.NAME, Execution.VARIABLE or Steps.STEP.PROPERTY."
    )


def references(value: object) -> Iterator[Reference]:
    """Every reference in `value`, however deep.

    Raises:
        ExpressionError: an expression is malformed.
    """
    function = function_of(value)
    if function is not None:
        assert isinstance(value, Mapping)
        yield from _function_references(function, value[function])
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _function_references(function: str, argument: object) -> Iterator[Reference]:
    if function == "Get":
        reference = parse_get(argument)
        if reference.kind == "file":
            raise ExpressionError(f"Get: {argument!r} is a property file: read it with Std:JsonGet.")
        yield reference
    elif function == "Std:Join":
        for item in join_of(argument)[1]:
            yield from references(item)
    else:
        source, _ = json_get_of(function, argument)
        if isinstance(source, Reference):
            yield source
        else:
            yield from references(source)


def join_of(argument: object) -> tuple[str, Sequence[object]]:
    """The separator and the values of a Std:Join."""
    if isinstance(argument, Mapping) and set(argument) <= {"On", "Values"}:
        on, values = argument.get("On", ""), argument.get("Values")
        if isinstance(on, str) and isinstance(values, list):
            return on, values
    raise ExpressionError('Std:Join takes {"On": a string, "Values": a list}.')


def json_get_of(function: str, argument: object) -> tuple[Reference | object, Path]:
    """The property file, or the URI, that a Std:JsonGet reads, and the path in it."""
    if function != "Std:JsonGet":
        raise ExpressionError(f"{function} is no function of pipelines. There are {', '.join(FUNCTIONS)}.")
    if isinstance(argument, Mapping) and isinstance(argument.get("Path"), str):
        path = parse_path(argument["Path"].removeprefix("$").removeprefix("."))
        others = set(argument) - {"Path"}
        if others == {"PropertyFile"} and function_of(argument["PropertyFile"]) == "Get":
            reference = parse_get(argument["PropertyFile"]["Get"])
            if reference.kind == "file":
                return reference, path
        if others == {"S3Uri"}:
            return argument["S3Uri"], path
    raise ExpressionError(
        'Std:JsonGet takes {"PropertyFile": {"Get": "Steps.STEP.PropertyFiles.FILE"}, "Path": …} '
        'or {"S3Uri": …, "Path": …}.'
    )

"""The values of pipeline expressions."""

from collections.abc import Mapping
from typing import Any, Protocol

from trainyard.local.pipelines.references import (
    ExpressionError,
    Path,
    Reference,
    function_of,
    join_of,
    json_get_of,
    parse_get,
)

NAME_FIELDS = ("OutputName", "InputName", "ChannelName", "MetricName", "Name")
"""By which field an item of a list is meant when a path gives a quoted key: Outputs['dataset'] (SDK 3.27)."""


class Scope(Protocol):
    """Where references find their values. Each method raises ExpressionError when there is none."""

    def parameter(self, name: str) -> object: ...

    def execution(self, name: str) -> object: ...

    def step(self, name: str, path: Path) -> object: ...

    def file(self, step: str, name: str) -> object:
        """The content of a property file."""

    def s3(self, uri: str) -> object:
        """The content of a JSON object."""


def evaluate(value: object, scope: Scope) -> Any:
    """`value` with every expression replaced by what it amounts to.

    Raises:
        ExpressionError: an expression is malformed, or refers to what does not exist.
    """
    function = function_of(value)
    if function is not None:
        assert isinstance(value, Mapping)
        return _call(function, value[function], scope)
    if isinstance(value, Mapping):
        return {key: evaluate(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [evaluate(item, scope) for item in value]
    return value


def select(document: object, path: Path, *, named: bool = False) -> Any:
    """The value at `path` in a document.

    Args:
        document: JSON.
        path: keys and indices.
        named: a key on a list means the item of that name, as in the properties of a step.

    Raises:
        ExpressionError: the path leads nowhere.
    """
    value: Any = document
    for index, key in enumerate(path):
        found = _item(value, key, named)
        if found is None:
            raise ExpressionError(f"{_dotted(path[: index + 1])} does not exist; there is {_shown(value)}.")
        value = found[0]
    return value


def text_of(value: object) -> str:
    """A scalar as Std:Join writes it: true and false in lower case, the shortest form of a number.

    Raises:
        ExpressionError: the value is no scalar.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ExpressionError(f"Std:Join joins strings, numbers and booleans, not {_shown(value)}.")


def _call(function: str, argument: object, scope: Scope) -> Any:
    if function == "Get":
        return _value(parse_get(argument), scope)
    if function == "Std:Join":
        on, values = join_of(argument)
        return on.join(text_of(evaluate(item, scope)) for item in values)
    source, path = json_get_of(function, argument)
    if isinstance(source, Reference):
        document, place = scope.file(source.name, str(source.path[0])), source.text
    else:
        place = text_of(evaluate(source, scope))
        document = scope.s3(place)
    try:
        value = select(document, path)
    except ExpressionError as error:
        raise ExpressionError(f"Std:JsonGet on {place}: {error}") from error
    if not isinstance(value, str | int | float):
        raise ExpressionError(f"Std:JsonGet on {place}: {_dotted(path)} is {_shown(value)}, not a scalar.")
    return value


def _value(reference: Reference, scope: Scope) -> object:
    if reference.kind == "parameter":
        return scope.parameter(reference.name)
    if reference.kind == "execution":
        return scope.execution(reference.name)
    if reference.kind == "file":
        raise ExpressionError(f"Get: {reference.text!r} is a property file: read it with Std:JsonGet.")
    return scope.step(reference.name, reference.path)


def _item(value: object, key: str | int, named: bool) -> tuple[Any] | None:
    """The item in a tuple, so that a null found is not nothing found."""
    if isinstance(value, Mapping):
        return (value[key],) if key in value else None
    if not isinstance(value, list):
        return None
    if isinstance(key, int):
        return (value[key],) if key < len(value) else None
    if named:
        for item in value:
            if isinstance(item, Mapping) and any(item.get(field) == key for field in NAME_FIELDS):
                return (item,)
    return None


def _dotted(path: Path) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f"['{key}']" for key in path)


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return f"an object with {', '.join(map(str, value)) or 'nothing in it'}"
    return f"a list of {len(value)}" if isinstance(value, list) else repr(value)

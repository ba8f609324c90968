"""The one form of value object of the constructs, and how a refused value reaches a user."""

from __future__ import annotations

import ast
import difflib
import functools
import inspect
import itertools
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from jsii.errors import JavaScriptError
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from ml_contract.errors import ContractError
from ml_contract.field_types import Check, check_of


class InvalidValue(ValueError):
    """A value object that cannot be built. The message holds one line per field."""

    def __init__(self, problems: list[ContractError]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class Value(BaseModel):
    """A value object: frozen, keyword-only, strict in its types, validated when it is built.

    Raises:
        InvalidValue: A field is unknown, missing, of the wrong type or out of range, or a combination is refused.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_default=True,
        arbitrary_types_allowed=True,
        # When the first one is built: an app uses few of the classes that it imports, and waits for the import.
        defer_build=True,
        allow_inf_nan=False,
    )

    called: ClassVar[str | None] = None
    """A field by which people tell such objects apart, where there are many alike: messages begin with its value too.
    None by default."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            kind = type(self)
            name = values.get(kind.called) if kind.called else None
            # A dot would look like the next field.
            label = f"{kind.__name__} {name}" if isinstance(name, str) and "." not in name else kind.__name__
            raise InvalidValue(
                [problem for details in _told(error.errors()) for problem in _problems(kind, label, details)]
            ) from None

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_foreign(cls, value: Any, info: ValidationInfo) -> Any:
        # Before pydantic, which builds nested objects of dicts, takes True for the word 1, and asks nothing of CDK's
        # interfaces: docs/decisions/0032-types-when-built.md.
        assert info.field_name
        foreign = _checks(cls)[info.field_name](value)
        if foreign is not None:
            below = ".".join(map(str, foreign.path))
            raise ContractError(below, foreign.value, foreign.rule, _meaning(cls, info.field_name))
        return value


@functools.cache
def _checks(kind: type[Value]) -> Mapping[str, Check]:
    return {name: check_of(field.annotation) for name, field in kind.model_fields.items()}


@functools.cache
def documentation(kind: type[Value]) -> Mapping[str, str]:
    """What the string below each field says, by the field's name.

    pydantic's ``use_attribute_docstrings`` reads the source of every class while it is imported, which is half of the
    time that an app takes to import this package; here it is read where a message needs it.
    """
    found: dict[str, str] = {}
    for part in reversed(kind.__mro__):
        if issubclass(part, Value):
            for field, below in itertools.pairwise(_body(part)):
                match field, below:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                        found[name] = inspect.cleandoc(text)
    return found


def _body(kind: type[Value]) -> list[ast.stmt]:
    try:
        definition = _classes(kind.__module__).get(kind.__qualname__)
    except (KeyError, OSError, TypeError):  # without a file, as in an interactive session, or without a module
        return []
    return definition.body if definition else []


@functools.cache
def _classes(module: str) -> Mapping[str, ast.ClassDef]:
    # For each class alone, `inspect` parses the whole file again.
    return dict(_definitions(ast.parse(inspect.getsource(sys.modules[module]))))


def _definitions(node: ast.AST, within: str = "") -> Iterator[tuple[str, ast.ClassDef]]:
    """Classes below ``node`` by their qualified names."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef(name=name):
                yield within + name, child
                yield from _definitions(child, f"{within}{name}.")
            case ast.FunctionDef(name=name):
                yield from _definitions(child, f"{within}{name}.<locals>.")
            case ast.stmt():
                yield from _definitions(child, within)


_RULES = {
    "greater_than": "it must be greater than {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than": "it must be less than {lt}",
    "less_than_equal": "it must be at most {le}",
    "string_too_short": "it must have at least {min_length} characters",
    "string_too_long": "it must have at most {max_length} characters",
    "string_pattern_mismatch": "it must match {pattern}",
    "too_short": "it must hold at least {min_length} items",
    "too_long": "it must hold at most {max_length} items",
}


def _told(errors: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Without what only follows: items that are refused themselves are not counted, so their tuple seems too short."""
    within = {details["loc"][:-1] for details in errors}
    return (details for details in errors if not (details["type"] == "too_short" and details["loc"] in within))


def _problems(kind: type[Value], label: str, details: ErrorDetails) -> list[ContractError]:
    path = ".".join(map(str, (label, *details["loc"])))
    error = details.get("ctx", {}).get("error")
    if isinstance(error, InvalidValue):
        # The nested object's path begins with its class, which the outer path replaces.
        return [_below(path, problem.field.partition(".")[2], problem) for problem in error.problems]
    if isinstance(error, ContractError):
        return [_below(path, error.field, error)]
    return [_problem(kind, path, details)]


def _below(path: str, field: str, problem: ContractError) -> ContractError:
    # A field's own validator has no further name for what it refuses.
    return ContractError(f"{path}.{field}" if field else path, problem.value, problem.rule, problem.way_out)


def _problem(kind: type[Value], path: str, details: ErrorDetails) -> ContractError:
    value, name = details["input"], str(details["loc"][0]) if details["loc"] else ""
    if details["type"] == "extra_forbidden":
        return ContractError(path, value, f"{kind.__name__} has no such field", _similar(name, kind.model_fields))
    meaning = _meaning(kind, name)
    if details["type"] == "missing":
        return ContractError(path, None, "it has no default and must be given", meaning)
    rule = _RULES.get(details["type"])
    if rule is None:
        message = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        return ContractError(path, value, f"it must be {message}", meaning)
    return ContractError(path, value, rule.format_map(details.get("ctx", {})), meaning)


def _meaning(kind: type[Value], name: str) -> str:
    described = documentation(kind).get(name)
    return " ".join(f"Give {name}: {described}".split()) if described else f"Give another {name}."


def _similar(name: str, fields: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, fields, n=1)
    return f"Did you mean {close[0]}?" if close else f"Its fields are {', '.join(fields)}."


@contextmanager
def explained() -> Iterator[None]:
    """End the process with status 1 and one line per refused field, instead of a traceback.

    For an app's entry point, around the import of its environments and the synthesis. What CDK itself refuses is
    shortened to its own message.
    """
    try:
        yield
    except (ContractError, InvalidValue) as error:
        sys.exit(str(error))
    except RuntimeError as error:
        if not isinstance(error.__cause__, JavaScriptError):
            raise
        sys.exit(str(error))

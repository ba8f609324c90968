"""The fields of a single step: what it may have, and of which form."""

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any

from trainyard.local.pipelines import conditions, retries
from trainyard.local.pipelines.kinds import CONDITION, FAIL, STEP_TYPES
from trainyard.local.pipelines.references import ExpressionError, references

_KEYS = {"Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description", "RetryPolicies", "CacheConfig"}
_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")


def step_problems(item: Any, taken: Container[str], *, nested: bool) -> Iterator[str]:
    """What is wrong with a step by itself.

    Args:
        item: the step as it came out of JSON.
        taken: names of the steps before it.
        nested: it stands in a branch of a condition step.
    """
    if not isinstance(item, Mapping):
        yield "it must be an object with Name, Type and Arguments"
        return
    name, kind = item.get("Name"), item.get("Type")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"Name: got {name!r}, but it must be 1 to 64 letters, digits, - or _"
    elif name in taken:
        yield "Name: two steps have this name; step names are unique in a pipeline"
    if kind not in STEP_TYPES:
        yield f"Type: got {kind!r}, but the embedded cloud runs {', '.join(STEP_TYPES)}"
        return
    if nested and kind == CONDITION:
        yield "Type: a condition step cannot stand inside another; put it beside and let it depend on it"
    allowed = _KEYS | ({"PropertyFiles"} if kind == "Processing" else set())
    for unknown in sorted(set(item) - allowed):
        yield f"unknown field {unknown!r}; a {kind} step has {', '.join(sorted(allowed))}"
    yield from _field_problems(item, str(kind))


def _field_problems(item: Mapping[str, Any], kind: str) -> Iterator[str]:
    arguments = item.get("Arguments", {} if kind == FAIL else None)
    if not isinstance(arguments, Mapping):
        yield f"Arguments: got {arguments!r}, but it must be an object"
        return
    for text in ("DisplayName", "Description"):
        if not isinstance(item.get(text, ""), str):
            yield f"{text}: it must be a string"
    caching = item.get("CacheConfig") or {"Enabled": False}
    if not isinstance(caching, Mapping) or caching.get("Enabled") is not False:
        yield "CacheConfig: the embedded cloud runs every step; remove it, or set Enabled to false"
    if "RetryPolicies" in item:
        yield from retries.problems(item["RetryPolicies"], kind)
    yield from _dependency_problems(item.get("DependsOn"))
    yield from _file_problems(item.get("PropertyFiles"))
    if kind == CONDITION:
        yield from _condition_problems(arguments)
    elif kind == FAIL:
        for unknown in sorted(set(arguments) - {"ErrorMessage"}):
            yield f"Arguments: unknown field {unknown!r}; a Fail step has ErrorMessage"
    try:
        list(references(own_arguments(kind, arguments)))
    except ExpressionError as error:
        yield f"Arguments: {error}"


def _dependency_problems(raw: object) -> Iterator[str]:
    if raw is None:
        return
    if not isinstance(raw, list):
        yield "DependsOn: it must be a list of step names"
        return
    for index, entry in enumerate(raw):
        if isinstance(entry, Mapping):
            yield f"DependsOn[{index}]: the embedded cloud does not run triggers; name the step to wait for its success"
        elif not isinstance(entry, str):
            yield f"DependsOn[{index}]: got {entry!r}, but it must be a step name"


def _file_problems(raw: object) -> Iterator[str]:
    fields = {"PropertyFileName", "OutputName", "FilePath"}
    if raw is not None and not isinstance(raw, list):
        yield "PropertyFiles: it must be a list"
        return
    names = set()
    for index, entry in enumerate(raw or []):
        if (
            not isinstance(entry, Mapping)
            or set(entry) != fields
            or not all(isinstance(v, str) for v in entry.values())
        ):
            yield f"PropertyFiles[{index}]: it must have the strings {', '.join(sorted(fields))}"
        elif entry["PropertyFileName"] in names:
            yield f"PropertyFiles[{index}].PropertyFileName: {entry['PropertyFileName']!r} is there twice"
        else:
            names.add(entry["PropertyFileName"])


def _condition_problems(arguments: Mapping[str, Any]) -> Iterator[str]:
    for unknown in sorted(set(arguments) - {"Conditions", "IfSteps", "ElseSteps"}):
        yield f"Arguments: unknown field {unknown!r}; a Condition step has Conditions, IfSteps and ElseSteps"
    for key in ("IfSteps", "ElseSteps"):
        if not isinstance(arguments.get(key, []), list):
            yield f"Arguments.{key}: it must be a list of steps"
    given = arguments.get("Conditions")
    if not isinstance(given, list) or not given:
        yield "Arguments.Conditions: it must be a list with at least one condition"
        return
    for index, item in enumerate(given):
        yield from conditions.problems(item, f"Arguments.Conditions[{index}]")


def own_arguments(kind: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """A step's arguments without the steps that it holds."""
    return {key: arguments[key] for key in arguments if kind != CONDITION or key == "Conditions"}

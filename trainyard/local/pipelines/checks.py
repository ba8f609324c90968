"""What a definition's steps say about each other and to SageMaker: references, order, requests."""

from collections.abc import Iterator, Mapping
from typing import Any

from trainyard.local.api.shapes import violations
from trainyard.local.pipelines.kinds import FAIL, KINDS, property_type, request_shape
from trainyard.local.pipelines.model import Definition, Step
from trainyard.local.pipelines.references import Reference, function_of, parse_get, references

_PLACEHOLDER = "assigned-by-the-pipeline"
_STRINGS = {"string", "timestamp"}
_ASSIGNABLE = {
    "string": _STRINGS,
    "integer": {"integer", "long"},
    "long": {"integer", "long"},
    "float": {"integer", "long", "float", "double"},
    "double": {"integer", "long", "float", "double"},
    "boolean": {"boolean"},
    "timestamp": _STRINGS,
}
_PARAMETER_TYPES = {"String": "string", "Integer": "integer", "Float": "float", "Boolean": "boolean"}


def problems_between(definition: Definition) -> Iterator[str]:
    """Everything that keeps the steps of a definition from being run, each with the step's name and the field."""
    cyclic = _cycle(definition.steps)
    if cyclic:
        yield f"Cycle detected in pipeline definition: {' -> '.join(cyclic)}"
    for step in definition.steps.values():
        for problem in _problems(step, definition):
            yield f"Step {step.name!r}: {problem}"


def _problems(step: Step, definition: Definition) -> Iterator[str]:
    yield from _order_problems(step, definition)
    wrong = [problem for ref in references(step.arguments) if (problem := _reference_problem(ref, definition))]
    yield from dict.fromkeys(wrong)
    if step.type in KINDS:
        yield from _request_problems(step, definition, typed=not wrong)
    for name, file in step.files.items():
        outputs = (step.arguments.get("ProcessingOutputConfig") or {}).get("Outputs") or []
        known = [output.get("OutputName") for output in outputs if isinstance(output, Mapping)]
        if file.output not in known and not any(function_of(name) for name in known):
            yield f"PropertyFiles: {name!r} lies in output {file.output!r}, but the outputs are {known}"
    if step.type == FAIL and not wrong:
        yield from _message_problems(step.arguments.get("ErrorMessage", ""), definition)


def _message_problems(message: object, definition: Definition) -> Iterator[str]:
    found = _expression_type(message, definition) if function_of(message) else type(message).__name__
    if found not in ("str", "string", None):
        yield f"Arguments.ErrorMessage: a {found} was given, but it must be a string; wrap it in Std:Join"


def _order_problems(step: Step, definition: Definition) -> Iterator[str]:
    for name in step.depends_on:
        other = definition.steps.get(name)
        if other is None:
            yield f"DependsOn: there is no step {name!r}"
        elif other.type == FAIL:
            yield f"DependsOn: {step.name} can not depends on {name}: a Fail step ends the execution"


def _reference_problem(ref: Reference, definition: Definition) -> str | None:
    if ref.kind == "execution":
        return None
    if ref.kind == "parameter":
        known = ", ".join(definition.parameters) or "none"
        return (
            None
            if ref.name in definition.parameters
            else f"{ref.text}: the pipeline has no such parameter; it has {known}"
        )
    other = definition.steps.get(ref.name)
    if other is None:
        return f"{ref.text}: the pipeline has no step {ref.name!r}"
    if ref.kind == "file":
        known = ", ".join(other.files) or "none"
        return None if ref.path[0] in other.files else f"{ref.text}: the step has no such property file; it has {known}"
    if property_type(other.type, ref.path) is None:
        source = KINDS[other.type].describe if other.type in KINDS else f"A {other.type} step"
        return f"{ref.text}: {source} has no such property"
    return None


def _request_problems(step: Step, definition: Definition, *, typed: bool) -> Iterator[str]:
    identity, shape = KINDS[step.type].identity, request_shape(step.type)
    if identity in step.arguments:
        yield f"Arguments.{identity}: the pipeline names what a step creates; remove it"
    request = {**step.arguments, identity: _PLACEHOLDER}
    yield from violations(shape, request, "Arguments", expressions=True)
    if typed:
        yield from _type_problems(shape, step.arguments, "Arguments", definition)


def _type_problems(shape: Any, value: object, path: str, definition: Definition) -> Iterator[str]:
    """Expressions whose value can never be of the field's type."""
    if function_of(value):
        found = _expression_type(value, definition)
        if found is not None and shape.type_name not in _ASSIGNABLE.get(found, {found}):
            yield f"{path}: cannot assign {_shown(value)} of type {found} to a field of type {shape.type_name}" + (
                "; wrap it in Std:Join" if shape.type_name == "string" and found in _ASSIGNABLE else ""
            )
    elif shape.type_name == "structure" and isinstance(value, Mapping):
        for name, item in value.items():
            if name in shape.members:
                yield from _type_problems(shape.members[name], item, f"{path}.{name}", definition)
    elif shape.type_name == "map" and isinstance(value, Mapping):
        for name, item in value.items():
            yield from _type_problems(shape.value, item, f"{path}.{name}", definition)
    elif shape.type_name == "list" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _type_problems(shape.member, item, f"{path}[{index}]", definition)


def _expression_type(value: Any, definition: Definition) -> str | None:
    """Botocore's name of an expression's type, or None when only the run can tell."""
    function = function_of(value)
    if function == "Std:Join":
        return "string"
    if function != "Get":
        return None
    ref = parse_get(value["Get"])
    if ref.kind == "parameter":
        return _PARAMETER_TYPES[definition.parameters[ref.name].type]
    return "string" if ref.kind == "execution" else property_type(definition.steps[ref.name].type, ref.path)


def _shown(value: Any) -> str:
    return str(value["Get"]) if function_of(value) == "Get" else str(function_of(value))


def _cycle(steps: Mapping[str, Step]) -> list[str]:
    """The steps of a cycle, first and last the same, or nothing."""
    done: set[str] = set()
    for start in steps:
        found = _walk(start, steps, [], done)
        if found:
            return found
    return []


def _walk(name: str, steps: Mapping[str, Step], trail: list[str], done: set[str]) -> list[str]:
    if name in trail:
        return [*trail[trail.index(name) :], name]
    if name in done or name not in steps:
        return []
    for other in sorted(steps[name].dependencies):
        found = _walk(other, steps, [*trail, name], done)
        if found:
            return found
    done.add(name)
    return []

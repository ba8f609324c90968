"""A pipeline definition, read and checked as a whole: what passes here can be run."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from trainyard.local.api.errors import invalid
from trainyard.local.pipelines import retries
from trainyard.local.pipelines.checks import problems_between
from trainyard.local.pipelines.kinds import CONDITION
from trainyard.local.pipelines.model import Definition, PropertyFile, Step
from trainyard.local.pipelines.parameters import declared
from trainyard.local.pipelines.references import ExpressionError, references
from trainyard.local.pipelines.syntax import own_arguments, step_problems

VERSION: Final = "2020-12-01"

_KEYS = {"Version", "Metadata", "MlflowConfig", "Parameters", "PipelineExperimentConfig", "Steps"}
_SHOWN_PROBLEMS = 20


def parse(text: str) -> Definition:
    """Reads a definition.

    Raises:
        ServiceError: ValidationException that lists what is wrong, by step and field.
    """
    try:
        raw = json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise _refused([f"PipelineDefinition is no JSON: {error}"]) from error
    problems = list(_frame_problems(raw))
    if problems:
        raise _refused(problems)
    parameters, problems = declared(raw.get("Parameters") or [])
    steps: dict[str, Step] = {}
    for item, branch, where in _flat(raw["Steps"]):
        wrong = list(step_problems(item, steps, nested=branch is not None))
        problems += [f"{_label(item, where)}: {problem}" for problem in wrong]
        if not wrong:
            steps[item["Name"]] = _step(item, branch)
    definition = Definition(parameters=parameters, steps=steps, experiment=raw.get("PipelineExperimentConfig"))
    problems += _experiment_problems(definition)
    # A reference to a step that could not be read would only repeat what was said of that step.
    problems = problems or list(problems_between(definition))
    if problems:
        raise _refused(problems)
    return definition


def _frame_problems(raw: object) -> Iterator[str]:
    if not isinstance(raw, Mapping):
        yield "PipelineDefinition must be a JSON object with Version and Steps"
        return
    if raw.get("Version") != VERSION:
        yield f"Version: got {raw.get('Version')!r}, but there is only {VERSION!r}"
    for name in sorted(set(raw) - _KEYS):
        yield f"unknown field {name!r}; a definition has {', '.join(sorted(_KEYS))}"
    if not isinstance(raw.get("Steps"), list) or not raw["Steps"]:
        yield "Steps: it must be a list with at least one step"
    if raw.get("MlflowConfig") is not None:
        # The SDK writes it as null into every definition.
        yield "MlflowConfig: the embedded cloud keeps no experiments; remove it"
    experiment = raw.get("PipelineExperimentConfig")
    if experiment is not None and (
        not isinstance(experiment, Mapping) or set(experiment) - {"ExperimentName", "TrialName"}
    ):
        yield "PipelineExperimentConfig: it must be an object with ExperimentName and TrialName"


def _experiment_problems(definition: Definition) -> Iterator[str]:
    try:
        for ref in references(definition.experiment):
            if ref.kind not in ("parameter", "execution") or (
                ref.kind == "parameter" and ref.name not in definition.parameters
            ):
                yield f"PipelineExperimentConfig: {ref.text} has no value when an execution starts"
    except ExpressionError as error:
        yield f"PipelineExperimentConfig: {error}"


def _flat(steps: list[Any], branch: tuple[str, bool] | None = None, where: str = "Steps") -> Iterator[Any]:
    """Every step with the branch that holds it and its place, condition steps before what they hold."""
    for index, item in enumerate(steps):
        yield item, branch, f"{where}[{index}]"
        if not isinstance(item, Mapping) or item.get("Type") != CONDITION:
            continue
        arguments = item.get("Arguments")
        for key, outcome in (("IfSteps", True), ("ElseSteps", False)):
            inner = arguments.get(key) if isinstance(arguments, Mapping) else None
            if isinstance(inner, list):
                yield from _flat(inner, (str(item.get("Name")), outcome), f"{where}[{index}].Arguments.{key}")


def _step(item: Mapping[str, Any], branch: tuple[str, bool] | None) -> Step:
    arguments = own_arguments(item["Type"], item.get("Arguments", {}))
    return Step(
        name=item["Name"],
        type=item["Type"],
        arguments=arguments,
        depends_on=tuple(item.get("DependsOn") or ()),
        referenced=frozenset(ref.name for ref in references(arguments) if ref.kind in ("step", "file")),
        branch=branch,
        policies=retries.parse(item.get("RetryPolicies") or []),
        files={
            entry["PropertyFileName"]: PropertyFile(output=entry["OutputName"], path=entry["FilePath"])
            for entry in item.get("PropertyFiles") or []
        },
        display_name=item.get("DisplayName"),
        description=item.get("Description"),
    )


def _label(item: object, where: str) -> str:
    name = item.get("Name") if isinstance(item, Mapping) else None
    return f"Step {name!r}" if isinstance(name, str) else where


def _refused(problems: list[str]) -> Exception:
    # AWS's own words: clients look for them.
    more = f"; and {len(problems) - _SHOWN_PROBLEMS} more" if len(problems) > _SHOWN_PROBLEMS else ""
    listed = "; ".join(problems[:_SHOWN_PROBLEMS])
    return invalid(f"Unable to parse pipeline definition. Model Validation failed: {listed}{more}.")


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no number in JSON")

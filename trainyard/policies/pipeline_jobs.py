"""The jobs of a pipeline, as its definition asks for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class PipelineJobs:
    """The jobs that a pipeline's definition asks for."""

    pipeline: str
    role: str
    """ARN of the pipeline's own role."""
    requests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Arguments of training and processing steps, by the step's name."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """``Training`` or ``Processing``, by the step's name."""


def pipeline_jobs(properties: Mapping[str, Any]) -> PipelineJobs:
    """The jobs of a pipeline.

    Args:
        properties: Of the resource, with its references resolved.
    """
    definition = json.loads(properties["PipelineDefinition"]["PipelineDefinitionBody"])
    defaults = {each["Name"]: each.get("DefaultValue") for each in definition.get("Parameters", ())}
    steps = {step["Name"]: step for step in _steps(definition["Steps"])}
    jobs = {name: step for name, step in steps.items() if step["Type"] in ("Training", "Processing")}
    return PipelineJobs(
        pipeline=str(properties["PipelineName"]),
        role=str(properties["RoleArn"]),
        requests={name: _defaulted(step["Arguments"], defaults) for name, step in jobs.items()},
        kinds={name: step["Type"] for name, step in jobs.items()},
    )


def _steps(found: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in found:
        yield step
        arguments = step.get("Arguments", {})
        if step["Type"] == "Condition":
            yield from _steps([*arguments.get("IfSteps", ()), *arguments.get("ElseSteps", ())])


def _defaulted(value: Any, defaults: Mapping[str, Any]) -> Any:
    """``value`` with the defaults of the pipeline's parameters, and texts where their parts are known."""
    if isinstance(value, list):
        return [_defaulted(each, defaults) for each in value]
    if not isinstance(value, dict):
        return value
    get, join = value.get("Get"), value.get("Std:Join")
    if isinstance(get, str) and get.startswith("Parameters."):
        default = defaults.get(get.removeprefix("Parameters."))
        return f"<{get}>" if default is None else default
    if isinstance(get, str):
        return f"<{get}>"
    if isinstance(join, dict):
        return str(join["On"]).join(str(_defaulted(each, defaults)) for each in join["Values"])
    return {name: _defaulted(each, defaults) for name, each in value.items()}

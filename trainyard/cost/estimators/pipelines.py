"""Pipelines of SageMaker: what one run bills at most, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trainyard.cost.estimators.base import Around, Estimator, unknown
from trainyard.cost.estimators.properties import NotTold, number, text
from trainyard.cost.lines import HOURS_A_MONTH, Kind, Line, Range
from trainyard.cost.templates import Resource

_DAY = 86_400
"""Time limit of jobs that name none. Source: StoppingCondition of CreateTrainingJob and CreateProcessingJob."""


class Pipeline(Estimator):
    """Each step that hires instances, for its whole time limit; steps of both branches of a condition are counted."""

    types = ("AWS::SageMaker::Pipeline",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        definition = definition_of(resource)
        defaults = {each["Name"]: each.get("DefaultValue") for each in definition.get("Parameters", ())}
        for step in steps_of(definition.get("Steps", ())):
            arguments = with_defaults(step.get("Arguments") or {}, defaults)
            try:
                yield from _step(step, arguments, around)
            except NotTold as error:
                yield unknown(f"step {step.get('Name')} ({step.get('Type')})", str(error))


def definition_of(resource: Resource) -> dict[str, Any]:
    """The definition of a pipeline.

    Raises:
        NotTold: It is not in the template, or is no JSON.
    """
    found = resource.properties.get("PipelineDefinition") or {}
    body = found.get("PipelineDefinitionBody") if isinstance(found, dict) else None
    if not isinstance(body, str):
        raise NotTold("the pipeline's definition is not in the template (PipelineDefinitionS3Location)")
    try:
        return dict(json.loads(body))
    except ValueError:
        raise NotTold("the pipeline's definition is no JSON") from None


def steps_of(steps: Any) -> Iterator[Mapping[str, Any]]:
    """Steps, with those of both branches of conditions."""
    for step in steps:
        yield step
        arguments = step.get("Arguments") or {}
        for branch in ("IfSteps", "ElseSteps"):
            yield from steps_of(arguments.get(branch) or ())


def with_defaults(value: Any, defaults: Mapping[str, Any]) -> Any:
    """With defaults of the pipeline's own parameters, by name, in their places."""
    if isinstance(value, dict):
        got = value.get("Get") if len(value) == 1 else None
        if isinstance(got, str) and got.startswith("Parameters."):
            default = defaults.get(got.removeprefix("Parameters."))
            return default if default is not None else f"${{{got}}}"
        return {key: with_defaults(each, defaults) for key, each in value.items()}
    return [with_defaults(each, defaults) for each in value] if isinstance(value, list) else value


def _step(step: Mapping[str, Any], arguments: Mapping[str, Any], around: Around) -> Iterator[Line]:
    name, kind = step.get("Name", "?"), step.get("Type")
    if kind == "Training":
        yield from _training(name, arguments, around, 1)
    elif kind == "Tuning":
        limits = (arguments.get("HyperParameterTuningJobConfig") or {}).get("ResourceLimits") or {}
        jobs = number(limits, "MaxNumberOfTrainingJobs")
        definitions = arguments.get("TrainingJobDefinitions") or [arguments.get("TrainingJobDefinition") or {}]
        # The jobs are shared among the definitions; the dearest is not known before they ran: the first counts.
        yield from _training(f"{name} ({jobs:g} jobs)", definitions[0], around, jobs)
    elif kind == "Processing":
        yield from _processing(name, arguments, around)
    elif kind in ("QualityCheck", "ClarifyCheck"):
        yield from _processing(name, {"ProcessingResources": {"ClusterConfig": arguments}, **arguments}, around)
    elif kind == "Transform":
        yield from _transform(name, arguments, around)
    elif kind in ("EMR", "EMRServerless", "NotebookJob", "Lambda", "Callback", "AutoML"):
        yield unknown(f"step {name} ({kind})", "what it bills is not in the pipeline's definition")


def _training(name: str, arguments: Mapping[str, Any], around: Around, jobs: float) -> Iterator[Line]:
    resources = arguments.get("ResourceConfig") or {}
    seconds = number(arguments.get("StoppingCondition") or {}, "MaxRuntimeInSeconds", _DAY)
    spot = bool(arguments.get("EnableManagedSpotTraining"))
    groups = resources.get("InstanceGroups") or [resources]
    hours = seconds / 3600 * around.assumptions["run_share"] * jobs
    volume = number(resources, "VolumeSizeInGB", 0)
    for group in groups:
        kind, count = text(group, "InstanceType"), number(group, "InstanceCount", 1)
        what = f"{name}: {count:g} × {kind}"
        if resources.get("TrainingPlanArn"):
            yield around.run(f"{what}, training plan (paid in advance)", f"{kind}/plan", hours * count, "run_share")
        else:
            terms = "spot, before its saving" if spot else "on demand"
            yield around.run(f"{what}, {terms}", f"{kind}/training", hours * count, "run_share")
            yield from around.plans(what, f"{kind}/training", Range.of(hours * count), "run")
            if spot:
                yield from _saving(what, kind, hours * count, around)
        if volume:
            yield _volume(f"{name}: volumes of {volume:g} GB", volume * count * hours, around)
    warm = number(resources, "KeepAlivePeriodInSeconds", 0)
    if warm:
        for group in groups:
            kind, count = text(group, "InstanceType"), number(group, "InstanceCount", 1)
            item = f"{kind}/training"
            yield around.run(f"{name}: {count:g} × {kind} kept warm after it", item, warm / 3600 * count)


def _saving(what: str, kind: str, hours: float, around: Around) -> Iterator[Line]:
    """What EC2's spot price of the day it was read would save: never part of a sum."""
    item = f"{kind.removeprefix('ml.')}/spot"
    spot = around.prices.find(item)
    if spot is None:
        why = f"no price of {item} in {around.prices.region}: a spot job bills fewer seconds, how many is told after it"
        yield unknown(f"{what}: saving by spot", why, missing=(item,))
    else:
        saved = f"about {hours * spot.hourly:,.2f} a run instead"
        why = f"{saved}, at EC2's spot price of {spot.read} ({spot.amount:g} an hour)"
        yield Line(what=f"{what}: saving by spot", kind=Kind.NOTE, how=why, prices=(item,))


def _processing(name: str, arguments: Mapping[str, Any], around: Around) -> Iterator[Line]:
    cluster = (arguments.get("ProcessingResources") or {}).get("ClusterConfig") or {}
    seconds = number(arguments.get("StoppingCondition") or {}, "MaxRuntimeInSeconds", _DAY)
    kind, count = text(cluster, "InstanceType"), number(cluster, "InstanceCount", 1)
    hours = seconds / 3600 * around.assumptions["run_share"] * count
    yield around.run(f"{name}: {count:g} × {kind}, on demand", f"{kind}/processing", hours, "run_share")
    volume = number(cluster, "VolumeSizeInGB", 0)
    if volume:
        yield _volume(f"{name}: volumes of {volume:g} GB", volume * hours, around)


def _transform(name: str, arguments: Mapping[str, Any], around: Around) -> Iterator[Line]:
    resources = arguments.get("TransformResources") or {}
    kind, count = text(resources, "InstanceType"), number(resources, "InstanceCount", 1)
    hours = around.assumptions["transform_hours"] * count
    yield around.run(f"{name}: {count:g} × {kind}, no time limit", f"{kind}/transform", hours, "transform_hours")


def _volume(what: str, gb_hours: float, around: Around) -> Line:
    line = around.use(what, "sagemaker/volume-gb-month", gb_hours / HOURS_A_MONTH)
    return line if line.monthly is None else line.as_run()

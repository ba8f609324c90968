"""Tags of the jobs that a pipeline starts: those of the pipeline itself, so that what they cost is told apart.

A training or processing step takes `Tags` among its arguments, as the requests of the SageMaker SDK 3.27 show
(sagemaker.core.workflow.pipeline_capture, read 2026-11-22). AWS promises nowhere to copy the pipeline's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import aws_cdk as cdk
import jsii

_BILLED = frozenset({"Processing", "Training", "Transform", "Tuning"})
"""Steps that start jobs."""


@jsii.implements(cdk.IStableAnyProducer)
class _Rendered:
    """The tags of a resource as they are when templates are written: aspects give them late."""

    def __init__(self, tags: Callable[[], cdk.TagManager]) -> None:
        self._tags = tags

    def produce(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in sorted(self._tags().tag_values().items())]


def tag_jobs(definition: Mapping[str, Any], tags: Callable[[], cdk.TagManager]) -> dict[str, Any]:
    """Give every job of a definition the tags of its pipeline.

    Args:
        definition: Of the pipeline.
        tags: Gives the pipeline's tags, once it is there.

    Returns:
        The definition, with a token in each step that starts a job.
    """
    token = cdk.Lazy.any(_Rendered(tags), omit_empty_array=True)
    return {**definition, "Steps": [_tagged(step, token) for step in definition["Steps"]]}


def _tagged(step: Mapping[str, Any], token: cdk.IResolvable) -> dict[str, Any]:
    arguments = step["Arguments"]
    if step["Type"] in _BILLED:
        arguments = {**arguments, "Tags": token}
    elif step["Type"] == "Condition":
        branches = {
            name: [_tagged(inner, token) for inner in arguments.get(name, ())] for name in ("IfSteps", "ElseSteps")
        }
        arguments = {**arguments, **{name: steps for name, steps in branches.items() if name in arguments}}
    return {**step, "Arguments": arguments}

"""The definition of a pipeline, typed by hand and held against its own references and SageMaker's limits.

Limits: CreatePipeline, API reference, and "Amazon SageMaker AI endpoints and quotas", read 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from constructs_lib.training.binding import Binding
from constructs_lib.training.expressions import Parameter, render
from constructs_lib.training.steps.base import Step
from ml_contract.errors import reject

VERSION = "2020-12-01"
MOST_STEPS = 50
MOST_PARAMETERS = 200
LONGEST_DEFINITION = 1_048_576


def definition(parameters: Sequence[Parameter], steps: Sequence[Step], binding: Binding) -> dict[str, Any]:
    """Bind the steps and write the definition. Same input, same output: no clock, no random name.

    Raises:
        ContractError: A name is used twice, or something is referred to that does not exist.
    """
    everything = list(_walk(steps))
    _check_names("parameters", [parameter.name for parameter in parameters], MOST_PARAMETERS)
    _check_names("steps", [step.name for step in everything], MOST_STEPS)
    rendered = [render(step.bind(binding)) for step in steps]
    names = {step.name for step in everything}
    for step in everything:
        for other in step.depends_on:
            if other not in names or other == step.name:
                reject(f"steps.{step.name}.depends_on", other, "the pipeline has no other step of that name",
                       f"Its steps are {', '.join(sorted(names))}.")  # fmt: skip
    _check_references(rendered, {parameter.name for parameter in parameters}, names)
    return {
        "Version": VERSION,
        "Metadata": {},
        "Parameters": [parameter.declaration() for parameter in parameters],
        "Steps": rendered,
    }


def check_size(text: str) -> None:
    """Refuse a definition that SageMaker would not take.

    Raises:
        ContractError: It is too long.
    """
    if len(text) > LONGEST_DEFINITION:
        reject("definition", f"{len(text)} characters", f"SageMaker takes at most {LONGEST_DEFINITION}",
               "Split the pipeline.")  # fmt: skip


def _walk(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _walk(step.nested())


def _check_names(field: str, names: list[str], most: int) -> None:
    for name in names:
        if names.count(name) > 1:
            reject(field, name, "names differ inside a pipeline", "Rename one of the two.")
    if len(names) > most:
        reject(field, len(names), f"SageMaker takes at most {most}", "Split the pipeline.")


def _check_references(rendered: Any, parameters: set[str], steps: set[str]) -> None:
    known = {"Parameters": parameters, "Steps": steps}
    for path in _gets(rendered):
        kind, _, rest = path.partition(".")
        name = re.split(r"[.\[]", rest, maxsplit=1)[0]
        if kind in known and name not in known[kind]:
            reject(f"definition.{path}", name, f"the pipeline has no such entry under {kind}",
                   f"It has {', '.join(sorted(known[kind])) or 'none'}.")  # fmt: skip


def _gets(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if set(value) == {"Get"}:
            yield value["Get"]
            return
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _gets(item)

"""Options cross the container wall in environment variables of limited length."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from ml_contract.errors import ContractError
from ml_contract.options import LONGEST, from_variables, to_variables
from ml_contract.packaging import (
    DynamicBatching,
    GpuInstances,
    LevelPolicy,
    PackageOptions,
    Parameter,
    PartOptions,
    Priorities,
    QueuePolicy,
    Warmup,
)

LONG = PackageOptions(
    backend="onnxruntime",
    instances=GpuInstances(gpus=(1,)),
    batching=DynamicBatching(
        queue=QueuePolicy(max_queue_size=3),
        priorities=Priorities(
            levels=2, default=1, policies=(LevelPolicy(level=2, policy=QueuePolicy(max_queue_size=1)),)
        ),
    ),
    warmup=(Warmup(random=("pixels",)),),
    parameters=(Parameter(key="execution_mode", value="1"),),
    parts=(PartOptions(name="encoder", options=PackageOptions(backend="python", batching=None)),),
)


def test_a_long_text_goes_on_in_the_next_variable() -> None:
    variables = to_variables(LONG)
    assert list(variables) == ["TRAINYARD_OPTIONS", "TRAINYARD_OPTIONS_2"]
    assert max(map(len, variables.values())) <= LONGEST
    assert from_variables(PackageOptions, variables) == LONG


def test_a_short_text_has_every_option() -> None:
    variables = to_variables(Warmup(count=2))
    assert json.loads(variables["TRAINYARD_OPTIONS"]) == {"batch_size": 1, "count": 2, "length": 1, "random": []}
    assert from_variables(Warmup, variables) == Warmup(count=2)


def test_of_a_longer_one_what_has_its_default_is_left_out() -> None:
    options = PackageOptions(backend="python")
    assert to_variables(options) == {"TRAINYARD_OPTIONS": '{"backend": "python"}'}
    assert from_variables(PackageOptions, to_variables(options)) == options


def test_without_variables_there_are_defaults() -> None:
    assert from_variables(Warmup, {}) == Warmup()


@dataclass(frozen=True, kw_only=True)
class Text:
    text: str


def test_more_than_a_job_takes() -> None:
    with pytest.raises(ContractError, match=r"^options: got '\d+ characters', but a job takes"):
        to_variables(Text(text="a" * 30_000))

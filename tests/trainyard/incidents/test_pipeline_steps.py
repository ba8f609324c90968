"""What incidents read from a deployed pipeline, and what they break in a package."""

from __future__ import annotations

import io
import json
import tarfile
from types import SimpleNamespace
from typing import Any

import pytest

from trainyard.incidents.bad_model import with_broken_program
from trainyard.incidents.pipeline_steps import CAPACITY_ERROR, instance_types, training_step, tries
from trainyard.incidents.scene import IncidentFailed

TRAIN = {"Name": "Train", "Type": "Training", "Arguments": {"ResourceConfig": {"InstanceType": "a"}}}


def scene(*steps: dict[str, Any]) -> Any:
    described = {"PipelineDefinition": json.dumps({"Steps": steps})}
    return SimpleNamespace(client=lambda _: SimpleNamespace(describe_pipeline=lambda **_: described))


def test_the_training_step_is_found_behind_a_condition() -> None:
    condition = {"Name": "If", "Type": "Condition", "Arguments": {"IfSteps": [], "ElseSteps": [TRAIN]}}
    prepare = {"Name": "Prepare", "Type": "Processing", "Arguments": {}}
    assert training_step(scene(prepare, condition), "p")["Name"] == "Train"
    with pytest.raises(IncidentFailed, match="p: it has no training step"):
        training_step(scene(prepare), "p")


@pytest.mark.parametrize(
    ("policies", "count"),
    [
        ([], 1),
        ([{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 5}], 1),
        ([{"ExceptionType": [CAPACITY_ERROR, "Step.THROTTLING"], "MaxAttempts": 3}], 4),
    ],
)
def test_a_step_is_tried_as_often_as_its_policy_says(policies: list[dict[str, Any]], count: int) -> None:
    assert tries({"RetryPolicies": policies}, CAPACITY_ERROR) == count


@pytest.mark.parametrize(
    ("resources", "types"),
    [
        ({"InstanceType": "a"}, ["a"]),
        ({"InstancePreferences": [{"InstanceType": "a"}, {"InstanceType": "b"}]}, ["a", "b"]),
        ({"InstanceGroups": [{"InstanceType": "b"}, {"InstanceType": "a"}]}, ["b", "a"]),
    ],
)
def test_types_stand_in_one_of_three_places(resources: dict[str, Any], types: list[str]) -> None:
    assert instance_types({"Arguments": {"ResourceConfig": resources}}) == types


def test_a_broken_program_still_has_everything_else() -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name, content in (("m/1/model.onnx", b"graph"), ("m/1/model.py", b"class TritonPythonModel: ...\n")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with tarfile.open(fileobj=io.BytesIO(with_broken_program(whole.getvalue()))) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        read = {name: file.read() for name, file in files.items() if file}
    assert read["m/1/model.onnx"] == b"graph"
    found: dict[str, Any] = {}
    exec(read["m/1/model.py"], found)
    with pytest.raises(RuntimeError, match="not those of this graph"):
        found["TritonPythonModel"]().execute([])

"""Any value that botocore's shapes allow passes, and each rule broken is one message that names field and value."""

from __future__ import annotations

import copy
import functools
from typing import Any

import botocore.session
import pytest
from botocore.model import Shape
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainyard.local.api.patterns import compiled
from trainyard.local.api.shapes import trimmed, violations

MODEL = botocore.session.get_session().get_service_model("sagemaker")
OPERATIONS = ("CreateTrainingJob", "CreateProcessingJob", "CreateModelPackage")
QUIET = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))

REQUEST: dict[str, Any] = {
    "TrainingJobName": "job",
    "AlgorithmSpecification": {"TrainingImage": "image:1", "TrainingInputMode": "File", "ContainerEntrypoint": ["x"]},
    "RoleArn": "arn:aws:iam::123456789012:role/role",
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/k"}}}
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/prefix"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 1},
    "HyperParameters": {"a": "1"},
    "Tags": [{"Key": "k", "Value": "v"}],
}


def values(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that a shape allows, required members always, others sometimes."""
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    if shape.type_name == "structure":
        members = {name: st.deferred(lambda m=member: values(m, depth + 1)) for name, member in shape.members.items()}
        if shape.is_tagged_union:
            return st.one_of([st.fixed_dictionaries({name: value}) for name, value in members.items()])
        required = shape.metadata.get("required", [])
        optional = {} if depth > 2 else {name: value for name, value in members.items() if name not in required}
        chosen = {name: members[name] for name in required}
        # A few optional members at a time keep the values small.
        some = dict(list(optional.items())[:6])
        return st.fixed_dictionaries(chosen, optional=some)
    if shape.type_name == "list":
        return st.lists(values(shape.member, depth + 1), min_size=low, max_size=min(high or low + 2, low + 2))
    if shape.type_name == "map":
        return st.dictionaries(
            values(shape.key, depth + 1), values(shape.value, depth + 1), min_size=low, max_size=min(high or 2, low + 2)
        )
    if shape.type_name == "string":
        return strings(shape)
    if shape.type_name in ("integer", "long"):
        return st.integers(low, high if high is not None else low + 10)
    if shape.type_name in ("float", "double"):
        return st.floats(low, high if high is not None else 1e6)
    return st.booleans() if shape.type_name == "boolean" else st.integers(0, 2_000_000_000)


@functools.cache
def strings(shape: Any) -> st.SearchStrategy[str]:
    if shape.enum:
        return st.sampled_from(shape.enum)
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 64)
    pattern = shape.metadata.get("pattern")
    if not pattern:
        return st.text(min_size=low, max_size=min(high, low + 20))
    text = st.from_regex(compiled(pattern), fullmatch=True, alphabet=st.characters(codec="ascii"))
    return text.filter(lambda value: low <= len(value) <= high)


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
@QUIET
@given(data=st.data())
def test_everything_a_shape_allows_passes(operation: str, data: st.DataObject) -> None:
    shape = MODEL.operation_model(operation).input_shape
    value = data.draw(values(shape))
    assert violations(shape, value) == []
    assert trimmed(shape, value) == value


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_what_botocore_refuses_is_refused(data: st.DataObject) -> None:
    request = copy.deepcopy(REQUEST)
    holder, name = data.draw(st.sampled_from(list(places(request))))
    holder[name] = data.draw(st.sampled_from([17, 1.5, True, [], [1], {}, {"Unknown": 1}, "text"]))
    shape = MODEL.operation_model("CreateTrainingJob").input_shape
    if ParamValidator().validate(request, shape).has_errors():
        assert violations(shape, request)


def places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in list(items):
        yield value, name
        if isinstance(inner, dict | list):
            yield from places(inner)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("TrainingJobName", "a_b", "Value 'a_b' at 'TrainingJobName' failed to satisfy constraint"),
        ("RoleArn", f"{REQUEST['RoleArn']}{'a' * 2048}", "Member must have length less than or equal to 2048"),
        ("RoleArn", None, "Value null at 'RoleArn' failed to satisfy constraint: Member must not be null"),
        ("TrainingJobName", 7, "Value '7' at 'TrainingJobName' is int, but must be a string"),
        ("AlgorithmSpecification.TrainingInputMode", "Fast", "enum value set: [Pipe, File, FastFile]"),
        ("ResourceConfig.InstanceType", "ml.p4d.24xlage", "ml.p4d.24xlarge"),
        ("ResourceConfig.InstanceCount", -1, "Member must have value greater than or equal to 0"),
        ("ResourceConfig.InstanceCount", True, "Value 'true' at 'ResourceConfig.InstanceCount' is bool"),
        ("ResourceConfig.KeepAlivePeriodInSeconds", 21601, "Member must have value less than or equal to 21600"),
        ("HyperParameters.a", 1, "Value '1' at 'HyperParameters.a' is int, but must be a string"),
        ("InputDataConfig[0].ChannelName", "a/b", "Value 'a/b' at 'InputDataConfig[0].ChannelName'"),
        ("InputDataConfig", [], "Member must have length greater than or equal to 1"),
        ("Tags[0].Key", "a?b", "at 'Tags[0].Key'"),
        ("StopingCondition", {}, "Unknown parameter 'StopingCondition': must be one of"),
    ],
)  # fmt: skip
def test_one_broken_rule_is_one_message(path: str, value: object, message: str) -> None:
    request = copy.deepcopy(REQUEST)
    *holders, name = path.replace("[0]", ".0").split(".")
    target: Any = request
    for holder in holders:
        target = target[int(holder) if holder.isdigit() else holder]
    if isinstance(target, list):
        target[int(name)] = value
    else:
        target[name] = value
    found = violations(MODEL.operation_model("CreateTrainingJob").input_shape, request)
    assert len(found) == 1
    assert message in found[0]
    assert "\n" not in found[0]
    assert len(found[0]) < 600


def test_the_path_in_a_message_starts_where_the_caller_says() -> None:
    shape = MODEL.operation_model("CreateTrainingJob").input_shape
    assert "at 'Steps[2].Arguments.OutputDataConfig'" in "".join(violations(shape, {}, "Steps[2].Arguments"))


def test_expressions_stand_for_any_value_only_where_they_are_asked_for() -> None:
    shape = MODEL.operation_model("CreateTrainingJob").input_shape
    request = {
        **REQUEST,
        "TrainingJobName": {"Get": "Execution.PipelineExecutionId"},
        "HyperParameters": {"a": {"Std:Join": {"On": "/", "Values": ["s3:/"]}}},
        "RoleArn": "${Token[TOKEN.12]}",
        "ResourceConfig": {"Get": "Parameters.Resources"},
    }
    assert violations(shape, request, expressions=True) == []
    assert len(violations(shape, request)) >= 4
    assert violations(shape, {**request, "HyperParameters": {"a": {"Std:Split": {}}}}, expressions=True)


def test_a_tagged_union_has_exactly_one_member() -> None:
    shape: Any = next(
        shape for name in MODEL.shape_names if getattr(shape := MODEL.shape_for(name), "is_tagged_union", False)
    )
    assert "exactly one of" in "".join(violations(shape, {}))


def test_answers_keep_only_what_the_shape_knows() -> None:
    shape: Shape = MODEL.operation_model("DescribeTrainingJob").output_shape
    answer = trimmed(shape, {"TrainingJobName": "a", "_Attempts": 3, "RoleArn": None, "HyperParameters": {"a": "1"}})
    assert answer == {"TrainingJobName": "a", "HyperParameters": {"a": "1"}}

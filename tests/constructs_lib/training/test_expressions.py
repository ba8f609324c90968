"""Expressions as the definition writes them."""

import pytest

from constructs_lib.training import EXECUTION_ID, Get, Join, JsonGet, Parameter
from constructs_lib.training.expressions import render
from constructs_lib.values import InvalidValue


def test_a_path_is_a_get() -> None:
    assert Get(path="Steps.Train.ModelArtifacts.S3ModelArtifacts").render() == {
        "Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"
    }


def test_a_path_outside_the_three_roots_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"^Get.path: got 'Step.Train.X', but it must match"):
        Get(path="Step.Train.X")


def test_parts_are_joined_with_expressions_inside() -> None:
    assert Join(on="/", values=("s3://bucket", EXECUTION_ID)).render() == {
        "Std:Join": {"On": "/", "Values": ["s3://bucket", {"Get": "Execution.PipelineExecutionId"}]}
    }


def test_a_figure_names_its_property_file() -> None:
    assert JsonGet(step="Evaluate", property_file="Report", path="a.b").render() == {
        "Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "a.b"}
    }


def test_a_number_becomes_text_by_joining_it_alone() -> None:
    steps = Parameter(name="Steps", type="Integer", default=3)
    assert steps.as_text().render() == {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Steps"}]}}
    text = Parameter(name="Name", type="String")
    assert text.as_text() is text


def test_expressions_are_found_at_any_depth() -> None:
    assert render({"a": [1, (EXECUTION_ID,)]}) == {"a": [1, [{"Get": "Execution.PipelineExecutionId"}]]}


@pytest.mark.parametrize(
    ("kind", "default"),
    [("Integer", 1.5), ("Integer", "1"), ("Integer", True), ("Float", "0.5"), ("String", 1), ("Boolean", 1)],
)
def test_a_default_has_the_parameters_type(kind: str, default: object) -> None:
    with pytest.raises(InvalidValue, match=f"of type {kind}. Give a default of type {kind}"):
        Parameter(name="P", type=kind, default=default)


def test_a_default_is_one_of_the_choices() -> None:
    with pytest.raises(InvalidValue, match=r"default: got 'c', but the parameter P allows a, b\. Choose one of these"):
        Parameter(name="P", type="String", default="c", choices=("a", "b"))


def test_a_parameter_without_default_must_be_given_at_start() -> None:
    assert Parameter(name="P", type="Float").declaration() == {"Name": "P", "Type": "Float"}

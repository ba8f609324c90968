"""Functions of templates: what resolves, what does not and says so, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from trainyard.cost.functions import Unresolved
from trainyard.cost.intrinsics import Scope

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Count": {"Type": "Number", "Default": 2},
        "Open": {"Type": "String"},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a, b,c"},
        "Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/path"},
    },
    "Resources": {"Endpoint": {"Properties": {"EndpointName": {"Fn::Sub": "e${Count}"}}}},
    "Mappings": {"Sizes": {"us-east-1": {"gpu": "ml.g5.xlarge"}}},
    "Conditions": {
        "Big": {"Fn::Equals": [{"Ref": "Count"}, "8"]},
        "Named": {"Fn::Equals": [{"Ref": "Open"}, "x"]},
        "Either": {"Fn::Or": [{"Condition": "Named"}, {"Fn::Not": [{"Condition": "Big"}]}]},
        "Both": {"Fn::And": [{"Condition": "Named"}, {"Condition": "Big"}]},
        "Round": {"Fn::Not": [{"Condition": "Round"}]},
    },
}


def scope(**parameters: str) -> Scope:
    return Scope(template=TEMPLATE, parameters=parameters, pseudo={"AWS::Region": "us-east-1"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Count"}, 2),
        ({"Fn::GetAtt": ["Endpoint", "EndpointName"]}, "e2"),
        ({"Ref": "Zones"}, ["a", "b", "c"]),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Fn::Sub": "ml.${Count}-${AWS::Region}-${!Kept}"}, "ml.2-us-east-1-${Kept}"),
        ({"Fn::Sub": ["${a}/${b}", {"a": {"Ref": "Count"}, "b": "x"}]}, "2/x"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "gpu"]}, "ml.g5.xlarge"),
        ({"Fn::FindInMap": ["Sizes", "eu-west-1", "gpu", {"DefaultValue": "none"}]}, "none"),
        ({"Fn::If": ["Big", "yes", "no"]}, "no"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Count"}]]}, "a-2"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::Length": {"Ref": "Zones"}}, 3),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
        ([{"Ref": "AWS::NoValue"}, 1], [1]),
        ({"Condition": {"Ref": "Count"}}, {"Condition": 2}),
    ],
)
def test_what_a_template_tells_resolves(value: object, expected: object) -> None:
    assert scope().resolve(value) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"Ref": "Open"}, "${Open}"),
        ({"Ref": "Image"}, "${Image}"),
        ({"Ref": "Bucket"}, "${Bucket}"),
        ({"Fn::GetAtt": ["Key", "Arn"]}, "${Key.Arn}"),
        ({"Fn::GetAtt": "Endpoint.EndpointConfigName"}, "${Endpoint.EndpointConfigName}"),
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue x"),
        ({"Fn::If": ["Named", 1, 2]}, "${Open}"),
        ({"Fn::FindInMap": ["Sizes", "eu-west-1", "gpu"]}, "Fn::FindInMap Sizes/eu-west-1/gpu"),
        ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, "Fn::Select of Fn::GetAZs "),
    ],
)
def test_what_only_a_deployment_knows_says_what_it_is(value: object, said: str) -> None:
    found = scope().resolve(value)
    assert isinstance(found, Unresolved)
    assert str(found) == said


def test_a_text_around_it_can_still_be_read() -> None:
    assert scope().resolve({"Fn::Join": ["", ["a/", {"Fn::GetAtt": ["Key", "Arn"]}]]}) == "a/${Key.Arn}"


@pytest.mark.parametrize(
    ("parameters", "either", "both"), [({}, True, False), ({"Open": "x", "Count": "8"}, True, True)]
)
def test_one_side_settles_and_and_or(parameters: dict[str, str], either: bool, both: bool) -> None:
    """Even where another side is open."""
    assert (scope(**parameters).holds("Either"), scope(**parameters).holds("Both")) == (either, both)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ({"Fn::If": ["Nowhere", 1, 2]}, "does not define it"),
        ({"Fn::If": "Big"}, "another form"),
        ({"Fn::Join": ["-"]}, "another form"),
        ({"Fn::Select": [9, ["a"]]}, "another form"),
        ({"Fn::Sub": 7}, "another form"),
        ({"Fn::If": ["Round", 1, 2]}, "in a circle"),
    ],
)
def test_a_broken_function_is_one_error(value: object, match: str) -> None:
    with pytest.raises(ContractError, match=match):
        scope().resolve(value)


KEYS = st.text().filter(lambda key: not key.startswith(("Fn::", "Ref", "Condition")))
SCALARS = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12))
def test_a_value_without_functions_stays_itself(value: object) -> None:
    assert scope().resolve(value) == value

"""Intrinsic functions, resolved as CloudFormation would."""

from __future__ import annotations

from typing import Any

import pytest

from trainyard.local.readback.resolve import NOTHING, Resolver, Unresolved

TEMPLATE = {
    "Mappings": {"Sizes": {"us-east-1": {"big": 8}}},
    "Conditions": {
        "Yes": {"Fn::Equals": [{"Ref": "Size"}, "8"]},
        "No": {"Fn::Not": [{"Condition": "Yes"}]},
        "Both": {"Fn::And": [{"Condition": "Yes"}, {"Fn::Or": [{"Condition": "No"}, {"Condition": "Yes"}]}]},
    },
}


@pytest.fixture
def resolver() -> Resolver:
    def attribute(logical_id: str, name: str) -> str:
        return f"<{logical_id}.{name}>"

    return Resolver(
        TEMPLATE,
        physical_ids={"Bucket": "the-bucket"},
        parameters={"Size": "8", "List": ["a", "b"]},
        pseudo={"AWS::Region": "us-east-1"},
        attribute=attribute,
        output=lambda stack, name: f"{stack}/{name}",
        export=lambda name: f"exported {name}",
        zones=lambda: ["us-east-1a", "us-east-1b"],
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        ({"Ref": "Bucket"}, "the-bucket"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "List"}, ["a", "b"]),
        ({"Ref": "AWS::NoValue"}, NOTHING),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "<Bucket.Arn>"),
        ({"Fn::GetAtt": "Bucket.Outputs.X"}, "<Bucket.Outputs.X>"),
        (
            {"Fn::Sub": "${Bucket}-${AWS::Region}-${Bucket.Arn}-${!Literal}"},
            "the-bucket-us-east-1-<Bucket.Arn>-${Literal}",
        ),
        ({"Fn::Sub": ["${X}${Size}", {"X": {"Ref": "Bucket"}}]}, "the-bucket8"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Size"}]]}, "a-8"),
        ({"Fn::Join": ["", {"Ref": "List"}]}, "ab"),
        ({"Fn::Select": ["1", {"Ref": "List"}]}, "b"),
        ({"Fn::Split": [".", "a.b"]}, ["a", "b"]),
        ({"Fn::If": ["Both", "both", "not"]}, "both"),
        ({"Fn::If": ["No", "no", {"Ref": "AWS::NoValue"}]}, NOTHING),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "big"]}, 8),
        ({"Fn::Base64": "x"}, "eA=="),
        ({"Fn::GetAZs": ""}, ["us-east-1a", "us-east-1b"]),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, "8"]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::ImportValue": {"Fn::Sub": "${Bucket}-x"}}, "exported the-bucket-x"),
        ({"Fn::GetStackOutput": {"StackName": "s", "OutputName": "o", "Region": "us-east-1"}}, "s/o"),
    ],
)
def test_functions(resolver: Resolver, value: Any, expected: Any) -> None:
    assert resolver.resolve(value) == expected


def test_a_resource_that_is_not_there_has_no_value(resolver: Resolver) -> None:
    with pytest.raises(Unresolved, match="Ref Nowhere"):
        resolver.resolve({"Ref": "Nowhere"})

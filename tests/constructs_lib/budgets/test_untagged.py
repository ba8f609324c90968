"""The review of tags, over templates as plain values."""

import pytest

from constructs_lib.budgets.extract_taggable import tag_property
from constructs_lib.budgets.tags import KEYS
from constructs_lib.budgets.untagged import taggable, untagged


def template(kind: str, **properties: object) -> dict:
    return {"Resources": {"It": {"Type": kind, "Properties": properties}}}


def rows(*keys: str) -> list[dict]:
    return [{"Key": key, "Value": "x"} for key in keys]


@pytest.mark.parametrize(
    ("kind", "takes"),
    [
        ("AWS::SageMaker::Endpoint", "Tags"),
        ("AWS::Budgets::Budget", "ResourceTags"),
        ("AWS::EKS::Nodegroup", "Tags"),
        ("AWS::IAM::ManagedPolicy", None),
    ],
)
def test_the_table_says_where_a_type_takes_its_tags(kind: str, takes: str | None) -> None:
    assert taggable().get(kind) == takes


def test_what_has_all_keys_passes() -> None:
    assert list(untagged(template("AWS::S3::Bucket", Tags=rows(*KEYS, "mine")))) == []


def test_what_lacks_one_is_named_with_the_key() -> None:
    found = list(untagged(template("AWS::S3::Bucket", Tags=rows("application", "environment", "environment-team"))))
    assert found == [("It", "AWS::S3::Bucket", ["team"], "Tags")]


def test_a_raw_resource_without_properties_is_seen_too() -> None:
    ((name, _, missing, _),) = untagged({"Resources": {"It": {"Type": "AWS::SageMaker::Endpoint"}}})
    assert (name, missing) == ("It", list(KEYS))


def test_tags_may_be_a_map() -> None:
    assert list(untagged(template("AWS::SSM::Parameter", Tags=dict.fromkeys(KEYS, "x")))) == []


def test_what_takes_no_tags_is_left_alone() -> None:
    assert list(untagged(template("AWS::IAM::ManagedPolicy"))) == []


@pytest.mark.parametrize(
    ("schema", "takes"),
    [
        ({"properties": {"Tags": {}}}, "Tags"),
        ({"properties": {}}, None),
        ({"properties": {"Tags": {}}, "tagging": {"taggable": False}}, None),
        ({"properties": {"Labels": {}}, "tagging": {"tagProperty": "/properties/Labels"}}, "Labels"),
        ({"properties": {}, "tagging": {"taggable": True}}, None),
    ],
)
def test_a_schema_says_whether_its_type_takes_tags(schema: dict, takes: str | None) -> None:
    assert tag_property(schema) == takes

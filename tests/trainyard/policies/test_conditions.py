"""Condition operators, held against the tables of the IAM User Guide; and what is no policy."""

import pytest

from ml_contract.errors import ContractError
from trainyard.policies.conditions import met
from trainyard.policies.documents import parse

ARN = "arn:aws:iam::111111111111:role/a"


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "holds"),
    [
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", ["a"], "A", False),
        ("StringEquals", ["a*"], "ab", False),
        ("StringEquals", ["a"], None, False),
        ("StringEqualsIfExists", ["a"], None, True),
        ("StringEqualsIfExists", ["a"], "b", False),
        ("StringEqualsIgnoreCase", ["a"], "A", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringNotEquals", ["a"], None, True),
        ("StringNotEqualsIgnoreCase", ["a"], "A", False),
        ("StringLike", ["a*"], "ab", True),
        ("StringLike", ["a?c"], "abc", True),
        ("StringNotLike", ["a*"], "ab", False),
        ("NumericLessThanEquals", ["10"], "10", True),
        ("NumericLessThanEquals", ["10"], "9.5", True),
        ("NumericGreaterThan", ["259200"], "259201", True),
        ("NumericGreaterThan", ["259200"], None, False),
        ("NumericGreaterThan", ["9"], "10", True),
        ("NumericEquals", ["1"], "one", False),
        ("NumericNotEquals", ["1"], "2", True),
        ("DateLessThan", ["2026-11-22T00:00:00Z"], "2026-11-21T23:59:59Z", True),
        ("DateGreaterThan", ["1763769600"], "2026-11-22T00:00:00Z", True),
        ("DateEquals", ["2026-11-22"], "2026-11-22T00:00:00Z", True),
        ("DateEquals", ["2026-11-22"], "someday", False),
        ("Bool", ["true"], "True", True),
        ("Bool", ["false"], None, False),
        ("BoolIfExists", ["false"], None, True),
        ("IpAddress", ["10.0.0.0/8"], "10.2.3.4", True),
        ("NotIpAddress", ["10.0.0.0/8"], "10.2.3.4", False),
        ("IpAddress", ["10.0.0.0/8"], "here", False),
        ("ArnLike", ["arn:*:iam::*:role/a"], ARN, True),
        ("ArnEquals", ["arn:aws:iam::*:role/*"], ARN, True),
        ("ArnLike", ["arn:*:role/a"], ARN, False),
        ("ArnNotLike", ["arn:aws:iam::2*:role/a"], ARN, True),
        ("Null", ["true"], None, True),
        ("Null", ["true"], "a", False),
        ("Null", ["false"], "a", True),
        ("Null", ["false"], None, False),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a"], ["a", "b"], False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("ForAllValues:StringEquals", ["a"], [], True),
        ("ForAnyValue:StringEquals", ["a"], ["a", "b"], True),
        ("ForAnyValue:StringEquals", ["a"], [], False),
        ("ForAnyValue:StringEquals", ["a"], None, False),
        ("ForAnyValue:StringNotLike", ["ml.g5.*", "ml.p5.*"], ["ml.g5.xlarge", "ml.p5.48xlarge"], False),
        ("ForAnyValue:StringNotLike", ["ml.g5.*", "ml.p5.*"], ["ml.g5.xlarge", "ml.p4d.24xlarge"], True),
        ("ForAnyValue:StringNotLike", ["ml.g5.*"], None, False),
        ("ForAnyValue:StringLike", ["ml.g5.*"], "ml.g5.xlarge", True),
        ("StringEquals", ["a"], ["a"], False),
        ("StringNotEquals", ["a"], ["a"], True),
    ],
)
def test_an_operator(operator: str, wanted: list, given: str | list | None, holds: bool) -> None:
    assert met({operator: {"Some:Key": wanted}}, {} if given is None else {"some:key": given}) is holds


def test_all_keys_and_all_operators_must_hold() -> None:
    conditions = {"StringEquals": {"a:x": ["1"], "a:y": ["2"]}, "Null": {"a:z": ["true"]}}
    assert met(conditions, {"a:x": "1", "a:y": "2"})
    assert not met(conditions, {"a:x": "1", "a:y": "3"})
    assert not met(conditions, {"a:x": "1", "a:y": "2", "a:z": "0"})


def test_a_variable_is_a_value_of_the_request_and_without_one_matches_nothing() -> None:
    condition = {"StringLike": {"s3:prefix": ["home/${aws:username}/*"]}}
    assert met(condition, {"s3:prefix": "home/ada/x", "aws:username": "ada"})
    assert not met(condition, {"s3:prefix": "home/bob/x", "aws:username": "ada"})
    assert not met(condition, {"s3:prefix": "home//x"})
    assert met({"StringEquals": {"k:k": ["a${*}b"]}}, {"k:k": "a*b"})


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ({"Effect": "Allow", "Action": "a:b", "Resources": "*"}, "'Resources', but a statement has no such element"),
        ({"Effect": "allow", "Action": "a:b", "Resource": "*"}, "an effect is Allow or Deny"),
        ({"Effect": "Allow", "Resource": "*"}, "a statement names actions"),
        ({"Effect": "Allow", "Action": "a:b", "NotAction": "a:c", "Resource": "*"}, "they exclude each other"),
        ({"Effect": "Allow", "Action": "a:b", "Condition": {"StringIs": {"k": "v"}}}, "no such condition operator"),
        (
            {"Effect": "Allow", "Action": "a:b", "Condition": {"ForNoValue:StringEquals": {"k": "v"}}},
            "no such condition",
        ),
    ],
)
def test_what_is_no_policy_is_refused_and_not_overlooked(statement: dict, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        parse({"Statement": [statement]}, "role")

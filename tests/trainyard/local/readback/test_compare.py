"""What counts as the same."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.readback.compare import canonical, difference, template_form

scalars = st.one_of(st.text(max_size=5), st.integers(-9, 9), st.booleans())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


def as_written(value: Any) -> Any:
    """The value as a template may write it: every scalar a text, every list in another order."""
    if isinstance(value, dict):
        return {key: as_written(inner) for key, inner in value.items()}
    if isinstance(value, list):
        shuffled = [as_written(item) for item in value]
        random.Random(0).shuffle(shuffled)
        return shuffled
    return str(value).lower() if isinstance(value, bool) else str(value)


@given(values)
def test_how_it_is_written_makes_no_difference(value: Any) -> None:
    assert difference(value, as_written(value)) is None


@given(values, st.text("xyz", min_size=1, max_size=2), scalars)
def test_a_service_may_say_more_but_not_less(value: Any, name: str, extra: Any) -> None:
    assert difference({"it": value}, {"it": value, name: extra}) is None
    assert difference({"it": value, name: extra}, {"it": value}) == name


@given(st.lists(scalars, max_size=4), scalars)
def test_a_list_may_not_say_more(items: list, extra: Any) -> None:
    assert difference({"rules": items}, {"rules": [*items, extra]}) == "rules"


@given(values)
def test_the_canonical_form_is_stable(value: Any) -> None:
    assert canonical(canonical(value)) == canonical(value)


def statement(**more: Any) -> dict:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", **more}]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (statement(Action="s3:*"), statement(Action=["s3:*"])),
        (statement(Action=["a:b", "a:c"]), statement(Action=["a:c", "a:b"])),
        (statement(Principal={"AWS": "x"}), statement(Principal={"AWS": ["x"]})),
        (
            statement(Condition={"Bool": {"aws:SecureTransport": "false"}}),
            statement(Condition={"Bool": {"aws:SecureTransport": [False]}}),
        ),
    ],
    ids=["one action", "order", "one principal", "condition"],
)
def test_policies_are_the_same_when_they_mean_the_same(one: dict, other: dict) -> None:
    assert difference(one, other) is None


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        (statement(Action="s3:*"), statement(Action="s3:Get*"), "Statement"),
        (statement(Resource="a"), statement(Resource=["a", "b"]), "Statement"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b"),
        ({"a": True}, {"a": False}, "a"),
    ],
)
def test_what_differs_is_named(one: dict, other: dict, where: str) -> None:
    assert difference(one, other) == where


def test_a_policy_that_was_given_as_text_is_read_back_as_a_document() -> None:
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "a"}}]}
    given = template_form("AssumeRolePolicyDocument", json.dumps(trust))
    assert difference(given, trust) is None
    assert difference(given, {"Statement": [{**trust["Statement"][0], "Action": "sts:*"}]}) == "Statement"

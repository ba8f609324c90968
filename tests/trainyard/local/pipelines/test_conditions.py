"""Conditions: their truth, and what is no condition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.pipelines.conditions import holds, problems
from trainyard.local.pipelines.references import ExpressionError

NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False))
TRUTHS = {
    "Equals": lambda left, right: left == right,
    "GreaterThan": lambda left, right: left > right,
    "GreaterThanOrEqualTo": lambda left, right: left >= right,
    "LessThan": lambda left, right: left < right,
    "LessThanOrEqualTo": lambda left, right: left <= right,
}


def compare(kind, left, right):
    return {"Type": kind, "LeftValue": left, "RightValue": right}


def true(condition):
    return holds(condition, lambda value: value)


CONDITIONS = st.recursive(
    st.builds(compare, st.sampled_from(sorted(TRUTHS)), NUMBERS, NUMBERS),
    lambda inner: st.one_of(
        st.builds(lambda one: {"Type": "Not", "Condition": one}, inner),
        st.builds(lambda some: {"Type": "Or", "Conditions": some}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(TRUTHS)), st.one_of(st.tuples(NUMBERS, NUMBERS), st.tuples(st.text(), st.text())))
def test_a_comparison_is_that_of_its_values(kind, values):
    assert true(compare(kind, *values)) is TRUTHS[kind](*values)


@given(CONDITIONS)
def test_every_valid_condition_has_a_truth_and_its_opposite(condition):
    assert list(problems(condition, "")) == []
    assert true({"Type": "Not", "Condition": condition}) is not true(condition)


@given(st.lists(CONDITIONS, min_size=1, max_size=4))
def test_or_is_true_when_one_of_them_is(conditions):
    assert true({"Type": "Or", "Conditions": conditions}) is any(map(true, conditions))


@given(st.integers(0, 5), st.lists(st.integers(0, 5), min_size=1))
def test_in_looks_a_value_up(value, values):
    assert true({"Type": "In", "QueryValue": value, "Values": values}) is (value in values)


def test_booleans_are_equal_or_not():
    assert true(compare("Equals", True, True))
    assert not true(compare("Equals", True, False))


@pytest.mark.parametrize(
    ("kind", "left", "right"),
    [
        ("Equals", 1, "1"),
        ("Equals", True, 1),
        ("LessThan", "a", 1),
        ("GreaterThan", True, False),
        ("Equals", None, None),
    ],
)
def test_what_cannot_be_compared_is_told(kind, left, right):
    with pytest.raises(ExpressionError, match=f"{kind} cannot compare {left!r} with {right!r}"):
        true(compare(kind, left, right))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (3, "c: it must be an object with Type"),
        ({"Type": "Nearly"}, "c.Type: got 'Nearly'"),
        ({"Type": "Equals", "LeftValue": 1}, "c: field 'RightValue' is missing"),
        ({"Type": "In", "Value": 1, "Values": [1], "QueryValue": 1}, "c: field 'Value' is unknown"),
        ({"Type": "Or", "Conditions": []}, "c.Conditions: it must be a list with at least one item"),
        ({"Type": "Not", "Condition": {"Type": "Or", "Conditions": [{}]}}, "c.Condition.Conditions[0].Type: got None"),
    ],
)
def test_what_is_no_condition_is_told_with_its_place(condition, message):
    assert [problem for problem in problems(condition, "c") if problem.startswith(message)]

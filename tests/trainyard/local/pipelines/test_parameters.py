"""Parameters: declared in a definition, given as strings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.api.errors import ServiceError
from trainyard.local.pipelines.parameters import bind, declared

VALUES = {
    "String": st.text(max_size=20),
    "Integer": st.integers(),
    "Float": st.floats(allow_nan=False, allow_infinity=False),
    "Boolean": st.booleans(),
}
TYPED = st.sampled_from(sorted(VALUES)).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind]))


def one(**fields):
    found, problems = declared([{"Name": "p", **fields}])
    assert problems == []
    return found


def given_as(text):
    return [{"Name": "p", "Value": text}]


@given(TYPED)
def test_a_value_survives_its_way_as_a_string(typed):
    kind, value = typed
    bound = bind(one(Type=kind), given_as(str(value)))["p"]
    assert bound == value
    assert type(bound) is type(value)


@given(TYPED)
def test_a_default_counts_until_another_value_is_given(typed):
    kind, value = typed
    assert bind(one(Type=kind, DefaultValue=value), []) == {"p": value}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("Integer", "1.5"),
        ("Integer", "one"),
        ("Integer", ""),
        ("Float", "x"),
        ("Float", "nan"),
        ("Float", "inf"),
        ("Boolean", "yes"),
        ("Boolean", "1"),
    ],
)
def test_a_value_of_another_type_is_refused(kind, text):
    with pytest.raises(
        ServiceError, match=f"^ValidationException: PipelineParameters: Parameter 'p': got '{text}', but"
    ):
        bind(one(Type=kind), given_as(text))


def test_enum_values_are_the_only_ones():
    parameters = one(Type="String", EnumValues=["a", "b"], DefaultValue="b")
    assert bind(parameters, given_as("a")) == {"p": "a"}
    with pytest.raises(ServiceError, match="Give one of a, b"):
        bind(parameters, given_as("c"))


def test_every_mistake_is_told_at_once():
    parameters, _ = declared([{"Name": "Threshold", "Type": "Float"}, {"Name": "Size", "Type": "Integer"}])
    with pytest.raises(ServiceError) as error:
        bind(parameters, [{"Name": "Treshold", "Value": "1"}, {"Name": "Size", "Value": "x"}])
    assert error.value.message == (
        "PipelineParameters: Parameter 'Treshold': the pipeline has no such parameter (did you mean 'Threshold'?); "
        "Parameter 'Size': got 'x', but it is an Integer. Give a whole number; "
        "Parameter 'Threshold': it has no default value, so every execution must give it."
    )


def test_a_parameter_given_twice_is_refused():
    with pytest.raises(ServiceError, match="given twice"):
        bind(one(Type="String"), [*given_as("a"), *given_as("a")])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Type": "Double"}, "Type: got 'Double'"),
        ({"Type": "Integer", "DefaultValue": "1"}, "DefaultValue: got '1', but its Type is Integer"),
        ({"Type": "Integer", "DefaultValue": True}, "DefaultValue: got True"),
        ({"Type": "Boolean", "DefaultValue": 1}, "DefaultValue: got 1"),
        ({"Type": "Integer", "EnumValues": ["1"]}, "EnumValues: only a String has them"),
        ({"Type": "String", "EnumValues": ["a"], "DefaultValue": "b"}, "one of its EnumValues a"),
        ({"Type": "String", "Default": "b"}, "unknown field 'Default'"),
        ({"Type": "String", "Name": "a b"}, "Name: got 'a b'"),
    ],
)
def test_a_bad_declaration_is_refused(fields, message):
    _, problems = declared([{"Name": "p", **fields}])
    assert len(problems) == 1
    assert message in problems[0]
    assert problems[0].startswith("Parameters[0]")

"""Expressions: paths, references, values."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.pipelines.expressions import evaluate, select, text_of
from trainyard.local.pipelines.references import ExpressionError, parse_get, parse_path, references

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)
KEYS = st.text(min_size=1, max_size=8).filter(lambda key: "'" not in key and "\n" not in key)
SCALARS = st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.floats(allow_nan=False))
PATHS = st.lists(st.one_of(KEYS, st.integers(0, 50)), min_size=1, max_size=5)


class Values:
    """A scope of dictionaries."""

    def __init__(self, **values):
        self.values = values

    def _find(self, kind, name):
        if name not in self.values.get(kind, {}):
            raise ExpressionError(f"{kind} {name} is missing")
        return self.values[kind][name]

    def parameter(self, name):
        return self._find("parameters", name)

    def execution(self, name):
        return self._find("execution", name)

    def step(self, name, path):
        return select(self._find("steps", name), path, named=True)

    def file(self, step, name):
        return self._find("files", f"{step}/{name}")

    def s3(self, uri):
        return self._find("objects", uri)


def spelled(path):
    """The path as AWS's SDK writes it: quoted keys and indices in brackets."""
    return "".join(f"[{key}]" if isinstance(key, int) else f"['{key}']" for key in path)


@given(NAMES, PATHS)
def test_a_path_is_read_as_it_is_written(first, rest):
    assert parse_path(first + spelled(rest)) == (first, *rest)


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_dots_and_quotes_mean_the_same(names):
    assert parse_path(".".join(names)) == parse_path(names[0] + spelled(names[1:])) == tuple(names)


@given(PATHS, SCALARS)
def test_select_finds_what_lies_at_a_path(path, value):
    document = value
    for key in reversed(path):
        document = [None] * key + [document] if isinstance(key, int) else {key: document}
    assert select(document, tuple(path)) == value


@pytest.mark.parametrize("text", ["", ".a", "a.", "a..b", "a[", "a[x]", "a[-1]", "a['b", "a b'"])
def test_what_is_no_path_is_refused(text):
    with pytest.raises(ExpressionError):
        parse_path(text)


def test_a_key_on_a_list_means_the_item_of_that_name():
    outputs = {"Outputs": [{"OutputName": "a", "S3Output": {"S3Uri": "s3://a"}}, {"OutputName": "b.c", "S3Output": {}}]}
    assert select(outputs, ("Outputs", "a", "S3Output", "S3Uri"), named=True) == "s3://a"
    assert select(outputs, ("Outputs", 1, "OutputName")) == "b.c"
    with pytest.raises(ExpressionError, match=r"\['Outputs'\]\['a'\] does not exist"):
        select(outputs, ("Outputs", "a"))


@given(st.lists(SCALARS, max_size=5), st.text(max_size=3))
def test_join_is_the_join_of_the_texts(values, on):
    scope = Values(parameters={str(index): value for index, value in enumerate(values)})
    gets = [{"Get": f"Parameters.{index}"} for index in range(len(values))]
    assert evaluate({"Std:Join": {"On": on, "Values": gets}}, scope) == on.join(text_of(value) for value in values)


@given(
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, min_size=2, max_size=3),
        max_leaves=8,
    )
)
def test_what_holds_no_expression_stays_as_it_is(value):
    assert evaluate(value, Values()) == value
    assert list(references(value)) == []


@given(SCALARS.filter(lambda value: value == value), PATHS.filter(lambda path: isinstance(path[0], str)))
def test_json_get_reads_a_scalar_at_a_path(value, path):
    document = value
    for key in reversed(path):
        document = [0] * key + [document] if isinstance(key, int) else {key: document}
    source = {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "$" + spelled(path)}
    scope = Values(files={"Evaluate/Report": json.loads(json.dumps(document))})
    assert evaluate({"Std:JsonGet": source}, scope) == value


def test_json_get_reads_an_object_that_a_join_names():
    uri = {"Std:Join": {"On": "/", "Values": ["s3://bucket", {"Get": "Execution.PipelineExecutionId"}]}}
    scope = Values(execution={"PipelineExecutionId": "abc"}, objects={"s3://bucket/abc": {"a": [1, {"b": 2.5}]}})
    assert evaluate({"Std:JsonGet": {"S3Uri": uri, "Path": "a[1].b"}}, scope) == 2.5


def test_references_are_found_however_deep():
    value = {
        "A": [{"Std:Join": {"On": "", "Values": [{"Get": "Parameters.p"}, {"Get": "Steps.S.A['x.y'][0]"}]}}],
        "B": {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.E.PropertyFiles.F"}, "Path": "a"}},
        "C": {"Get": "Execution.PipelineName"},
    }
    found = [(ref.kind, ref.name, ref.path) for ref in references(value)]
    assert found == [
        ("parameter", "p", ()),
        ("step", "S", ("A", "x.y", 0)),
        ("file", "E", ("F",)),
        ("execution", "PipelineName", ()),
    ]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"Get": "Parameters"}, "refers to nothing"),
        ({"Get": "Steps.Train"}, "refers to nothing"),
        ({"Get": 3}, "refers to nothing"),
        ({"Get": "Execution.Name"}, "no execution variable"),
        ({"Get": "Steps.E.PropertyFiles.F"}, "read it with Std:JsonGet"),
        ({"Std:Join": ["a"]}, "Std:Join takes"),
        ({"Std:Join": {"On": 1, "Values": []}}, "Std:Join takes"),
        ({"Std:JsonGet": {"Path": "a"}}, "Std:JsonGet takes"),
        (
            {"Std:JsonGet": {"S3Uri": "s3://b/k", "PropertyFile": {"Get": "Steps.E.PropertyFiles.F"}, "Path": "a"}},
            "takes",
        ),
        ({"Std:Upper": "a"}, "Std:Upper is no function of pipelines"),
    ],
)
def test_a_malformed_expression_is_refused_before_and_while_it_runs(expression, message):
    with pytest.raises(ExpressionError, match=message):
        list(references([expression]))
    with pytest.raises(ExpressionError, match=message):
        evaluate([expression], Values())


def test_a_join_of_what_is_no_scalar_is_refused():
    with pytest.raises(ExpressionError, match="not a list of 1"):
        evaluate({"Std:Join": {"On": "", "Values": [{"Get": "Parameters.p"}]}}, Values(parameters={"p": [1]}))


def test_a_reference_keeps_its_text():
    assert parse_get("Steps.Train.FinalMetricDataList['loss'].Value").text == (
        "Steps.Train.FinalMetricDataList['loss'].Value"
    )

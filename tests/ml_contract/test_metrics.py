import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract import metrics
from ml_contract.errors import ContractError

figures = st.dictionaries(st.sampled_from(metrics.METRICS), st.floats(allow_nan=False), min_size=1)


@given(st.integers(1, 10**9), figures)
def test_a_reader_gets_the_same_bits_back(step: int, values: dict[metrics.Metric, float]) -> None:
    assert metrics.parse(metrics.line(step, values)) == (step, values)


@given(st.integers(1, 10**9), figures)
def test_each_definition_matches_its_own_figure_and_no_other(step: int, values: dict[metrics.Metric, float]) -> None:
    text = metrics.line(step, values)
    for metric in metrics.METRICS:
        match = re.search(metric.regex, text)
        if metric in values:
            assert match is not None
            assert float(match.group(1)) == values[metric]
        else:
            assert match is None


def test_a_metric_without_definition_is_refused() -> None:
    with pytest.raises(ContractError, match="train:other"):
        metrics.line(1, {metrics.Metric(name="train:other", unit="1"): 1.0})


def test_other_lines_are_no_metrics() -> None:
    assert metrics.parse("epoch 3 loss=2.0") is None


def test_definitions_fit_the_request() -> None:
    assert len(metrics.METRICS) <= 40
    assert all(len(metric.regex) <= 500 and len(metric.name) <= 255 for metric in metrics.METRICS)

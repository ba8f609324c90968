"""The file that a node's exporter serves."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.metrics import GOODPUT, LOSS, METRICS
from ml_contract.prometheus import STEP, file_name, name_of, text

_SAMPLE = re.compile(r'^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)\{run="(?P<run>(?:[^"\\\n]|\\.)*)"\} (?P<value>\S+)$')


def samples(content: str) -> dict[str, tuple[str, float]]:
    """Run and value of each series; fails where a line is none of the format's."""
    found = {}
    for line in content.splitlines():
        if not line.startswith("#"):
            match = _SAMPLE.match(line)
            assert match, line
            run = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match["run"])
            found[match["name"]] = run, float(match["value"])
    return found


def test_a_file_holds_the_figures_and_the_step() -> None:
    found = samples(text("job", 12, {LOSS.name: 2.5, GOODPUT.name: 0.97}))
    assert found == {STEP: ("job", 12.0), name_of(LOSS): ("job", 2.5), name_of(GOODPUT): ("job", 0.97)}


def test_what_is_no_metric_is_left_out() -> None:
    assert set(samples(text("job", 1, {"train:unheard_of": 1.0}))) == {STEP}


def test_each_series_is_explained_before_it() -> None:
    lines = text("job", 1, {LOSS.name: 1.0}).splitlines()
    assert lines[3:5] == [f"# HELP {name_of(LOSS)} nats", f"# TYPE {name_of(LOSS)} gauge"]


# What str.splitlines takes for an end of line, and Prometheus does not.
_NO_LINES = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
names = st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters=_NO_LINES))


@given(names, st.dictionaries(st.sampled_from([metric.name for metric in METRICS]), st.floats()))
def test_any_run_and_any_figure_come_back(run: str, figures: dict[str, float]) -> None:
    found = samples(text(run, 1, figures))
    by_name = {name_of(metric): metric.name for metric in METRICS}
    for name, (label, value) in found.items():
        assert label == run
        if name != STEP:
            wanted = figures[by_name[name]]
            assert value == wanted or (math.isnan(value) and math.isnan(wanted))
    assert len(found) == len(figures) + 1


@pytest.mark.parametrize(("value", "shown"), [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf")])
def test_numbers_are_written_as_go_reads_them(value: float, shown: str) -> None:
    assert text("job", 1, {LOSS.name: value}).endswith(f" {shown}\n")


def test_a_file_ends_as_the_exporter_wants() -> None:
    assert file_name("job") == "trainyard-job.prom"

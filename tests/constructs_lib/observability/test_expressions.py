"""Expressions: each of ours is PromQL to a parser of its grammar, over metrics that somebody publishes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.observability import HARDWARE, KUEUE, SLURM, AlertRule, RuleGroup, goodput, training
from constructs_lib.observability import dashboards as pages
from constructs_lib.observability.dashboards import Dashboard, Panel, Query
from constructs_lib.observability.exporters import EXPORTERS, KNOWN, TRAINING
from constructs_lib.observability.promql import check
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError
from ml_contract.metrics import INTERRUPTED_STEP, METRICS
from ml_contract.prometheus import name_of
from ml_contract.symptoms import NODE_LOST

DASHBOARDS = [getattr(pages, name) for name in pages.__all__ if isinstance(getattr(pages, name), Dashboard)]
GROUPS = [
    HARDWARE, SLURM, KUEUE, goodput(least=0.9, held="30m"), training(silent_minutes=30, checkpoint_minutes=10)
]  # fmt: skip


def expressions() -> Iterator[tuple[str, str]]:
    for page in DASHBOARDS:
        for panel in page.panels:
            yield from ((f"{page.title}: {panel.title}", query.expr) for query in panel.queries)
    for group in GROUPS:
        yield from ((f"{group.name}: {rule.record}", rule.expr) for rule in group.recording)
        yield from ((f"{group.name}: {rule.alert}", rule.expr) for rule in group.alerts)


def parsed(expression: str) -> Any:
    return promql_parser.parse(expression.replace("$__rate_interval", "5m"))


def selected(node: Any) -> Iterator[str]:
    """Metrics that an expression selects from."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node.name
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        if getattr(node, name, None) is not None:
            yield from selected(getattr(node, name))
    for argument in getattr(node, "args", None) or ():
        yield from selected(argument)


RECORDED = {rule.record for group in GROUPS for rule in group.recording}


@pytest.mark.parametrize("place", [page.title for page in DASHBOARDS] + [group.name for group in GROUPS])
def test_expressions_are_promql_over_known_metrics(place: str) -> None:
    mine = [expression for where, expression in expressions() if where.startswith(f"{place}: ")]
    assert mine
    for expression in mine:
        found = set(selected(parsed(expression)))
        assert found, expression
        assert found <= KNOWN | RECORDED, expression


def test_every_metric_of_the_table_is_looked_at() -> None:
    found = {name for _, expression in expressions() for name in selected(parsed(expression))}
    assert KNOWN - found == set()


def test_every_figure_of_training_has_a_name_of_prometheus() -> None:
    assert {name_of(metric) for metric in METRICS} - {name_of(INTERRUPTED_STEP)} < TRAINING.metrics
    assert all(re.fullmatch("[a-z_][a-z0-9_]*", name) for name in TRAINING.metrics)


def test_no_metric_is_two_exporters() -> None:
    assert sum(len(exporter.metrics) for exporter in EXPORTERS) == len(KNOWN) - 1


def test_a_metric_that_nobody_publishes_is_refused() -> None:
    with pytest.raises(InvalidValue, match="no exporter publishes"):
        Query(expr="rate(DCGM_FI_DEV_GPU_UTILISATION{}[5m])", legend="x")


@pytest.mark.parametrize("expression", ["sum(up{}", "sum up{})", "rate(up{}[5m)", "up{job='x'"])
def test_brackets_that_do_not_match_are_refused(expression: str) -> None:
    with pytest.raises(ContractError, match="Match the brackets"):
        check(expression, field="expr")


def test_brackets_within_texts_do_not_count() -> None:
    assert check('up{job=~"a(b|\\"c)"}', field="expr")


def test_an_expression_without_a_metric_is_refused() -> None:
    with pytest.raises(ContractError, match="no metric"):
        check("1 + 1", field="expr")


selectors = st.sampled_from(sorted(KNOWN)).map(lambda name: f'{name}{{job="x"}}')
trees = st.recursive(
    selectors,
    lambda inner: st.one_of(
        inner.map(lambda one: f"sum by (node) ({one})"),
        st.tuples(inner, st.sampled_from(["+", "/", "and", ">"]), inner).map(lambda three: f"({' '.join(three)})"),
    ),
    max_leaves=6,
)


@given(trees)
def test_what_the_check_takes_is_what_the_parser_takes(expression: str) -> None:
    assert check(expression, field="expr") == expression
    assert set(selected(parsed(expression))) <= KNOWN


@given(trees, st.data())
def test_a_bracket_that_is_lost_is_seen(expression: str, data: st.DataObject) -> None:
    places = [index for index, letter in enumerate(expression) if letter in "(){}"]
    lost = data.draw(st.sampled_from(places))
    with pytest.raises(ContractError):
        check(expression[:lost] + expression[lost + 1 :], field="expr")


def test_a_group_may_use_what_it_records() -> None:
    assert KUEUE.alerts[0].expr.startswith(KUEUE.recording[0].record)


def test_a_group_uses_what_no_other_records() -> None:
    with pytest.raises(InvalidValue, match="no exporter publishes"):
        RuleGroup(name="other", alerts=KUEUE.alerts)


def test_a_group_without_rules_is_refused() -> None:
    with pytest.raises(InvalidValue, match="does nothing"):
        RuleGroup(name="empty")


def test_a_rule_has_its_own_name() -> None:
    rule = AlertRule(alert="Silent", expr="up{} == 0", held="5m", symptom=NODE_LOST, summary="silent")
    with pytest.raises(InvalidValue, match="stands for one rule"):
        RuleGroup(name="twice", alerts=(rule, rule))


def test_a_page_names_its_pictures() -> None:
    panel = Panel(title="Nodes", unit="none", queries=(Query(expr="up{}", legend="x"),))
    with pytest.raises(InvalidValue, match="one picture"):
        Dashboard(uid="x", title="x", panels=(panel, panel))

"""Pages and alerts under a real Prometheus: from what nodes write, by the generated configurations, to each picture's
series, and to what people read.

A real node_exporter serves what the lifecycle's programs and a trainer write; a real agent reads it and the fields of
GPUs that a test plays, and sends it on to a real Prometheus, where each expression of each page is asked. Its rules
raise alerts, which a real alertmanager hands on to topics that a test plays. Needs ``make prometheus``; skipped
without.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import promql_parser
import pytest

from constructs_lib.observability.dashboards import ACCELERATORS, FABRIC, NODES, SLURM, TRAINING
from constructs_lib.observability.dashboards.panels import Dashboard, Panel
from tests.constructs_lib.observability.measured_node import CRITICAL, OTHER, Topics, World
from tests.constructs_lib.observability.test_expressions import expressions, parsed
from tests.prometheus_programs import missing

pytestmark = pytest.mark.slow
PAGES = (NODES, ACCELERATORS, FABRIC, SLURM, TRAINING)
PANELS = [pytest.param(page, panel, id=f"{page.title}: {panel.title}") for page in PAGES for panel in page.panels]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if reason := missing():
        pytest.skip(reason)
    with ExitStack() as stack:
        found = World(tmp_path_factory.mktemp("fed"), stack)
        found.wait()
        yield found


@pytest.mark.parametrize(("page", "panel"), PANELS)
def test_a_picture_has_series_and_a_name_for_each(world: World, page: Dashboard, panel: Panel) -> None:
    assert page.panels
    for query in panel.queries:
        found = world.ask(query.expr.replace("$cluster", "c").replace("$__rate_interval", "30s"))
        assert found, query.expr
        labels = re.findall(r"\{\{(\w+)\}\}", query.legend)
        for series in found:
            # Grafana would show an empty word.
            assert set(labels) <= set(series["metric"]), (query.legend, series["metric"])


def test_every_series_says_whose_it_is(world: World) -> None:
    assert {(one["metric"]["cluster"], one["metric"]["node"]) for one in world.ask("up")} == {("c", "node-1")}
    (step,) = world.ask("trainyard_train_step")
    assert (step["metric"]["run"], step["value"][1]) == ("bytes-lm-1", "7")


def test_what_is_sent_is_what_somebody_looks_at(world: World) -> None:
    """Each series is selected by an expression of a page or rule. What is stale has no value any more."""
    wanted = [one for _, expression in expressions() for one in selectors(parsed(expression))]
    there = [one["metric"] for one in world.ask('{cluster="c",__name__!~"ALERTS.*"}')]
    assert len(there) > 100
    alone = {(series["__name__"], series["job"]) for series in there if not any(selects(one, series) for one in wanted)}
    assert alone == set()


def selectors(node: Any) -> Iterator[Any]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        if getattr(node, name, None) is not None:
            yield from selectors(getattr(node, name))
    for argument in getattr(node, "args", None) or ():
        yield from selectors(argument)


def selects(selector: Any, series: dict[str, str]) -> bool:
    if selector.name != series["__name__"]:
        return False
    for matcher in selector.matchers.matchers:
        value = series.get(matcher.name, "")
        wanted = matcher.value.replace("$cluster", "c")
        equal = re.fullmatch(wanted, value) is not None if "Re" in str(matcher.op) else value == wanted
        if equal == ("Not" in str(matcher.op)):
            return False
    return True


def test_files_have_an_age_that_alerts_look_at(world: World) -> None:
    for pattern in (".*/trainyard-bytes.*", ".*/slurm.prom"):
        (found,) = world.ask(f'time() - node_textfile_mtime_seconds{{file=~"{pattern}"}}')
        assert 0 <= float(found["value"][1]) < 60


def test_a_run_that_never_began_tells_the_topic_that_wakes_somebody(world: World) -> None:
    if reason := missing("prometheus-alertmanager"):
        pytest.skip(reason)
    end = time.monotonic() + 40
    while len({one["TopicArn"] for one in Topics.told}) < 2 and time.monotonic() < end:
        time.sleep(0.2)
    told = {one["TopicArn"]: one for one in Topics.told}
    assert told[CRITICAL]["Subject"] == "[critical] TrainingStandsStill c"
    assert "trainyard-hung.prom of c is 1h" in told[CRITICAL]["Message"]
    assert "Runbook: docs/runbooks/stuck-training.md" in told[CRITICAL]["Message"]
    assert "bytes-lm-1 makes use of only 50%" in told[OTHER]["Message"]
    assert "Runbook: docs/runbooks/low-goodput.md" in told[OTHER]["Message"]

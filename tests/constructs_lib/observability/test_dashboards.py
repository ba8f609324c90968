"""Pages as Grafana takes them: laid out without overlap, the same bytes each time."""

from __future__ import annotations

import json
from itertools import combinations

import pytest

from constructs_lib.observability.dashboards import Dashboard, Panel, Query
from tests.constructs_lib.observability.test_expressions import DASHBOARDS


@pytest.mark.parametrize("page", DASHBOARDS, ids=lambda page: page.uid)
def test_pictures_do_not_overlap(page: Dashboard) -> None:
    places = [panel["gridPos"] for panel in page.render()["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


@pytest.mark.parametrize("page", DASHBOARDS, ids=lambda page: page.uid)
def test_a_page_asks_which_cluster(page: Dashboard) -> None:
    assert [variable["name"] for variable in page.render()["templating"]["list"]] == ["source", "cluster"]
    assert all("$cluster" in query.expr for panel in page.panels for query in panel.queries)


@pytest.mark.parametrize("page", DASHBOARDS, ids=lambda page: page.uid)
def test_panels_and_queries_are_numbered(page: Dashboard) -> None:
    panels = page.render()["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    assert [target["refId"] for target in panels[0]["targets"]] == list("ABCDEF")[: len(panels[0]["targets"])]


def test_a_page_is_the_same_text_each_time() -> None:
    texts = {page.text() for page in DASHBOARDS for _ in range(2)}
    assert len(texts) == len(DASHBOARDS)
    assert all(json.loads(text) for text in texts)


def test_ids_differ() -> None:
    assert len({page.uid for page in DASHBOARDS}) == len(DASHBOARDS)


def test_a_wide_picture_begins_a_row_below_the_tallest() -> None:
    queries = (Query(expr="up{}", legend="x"),)
    low, high, wide = (
        Panel(title=title, unit="none", queries=queries, width=width, height=height)
        for title, width, height in (("a", 6, 4), ("b", 6, 9), ("c", 24, 8))
    )
    rendered = Dashboard(uid="x", title="x", panels=(low, high, wide)).render()["panels"]
    assert [panel["gridPos"]["y"] for panel in rendered] == [0, 0, 9]

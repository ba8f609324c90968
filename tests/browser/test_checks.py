"""A check that finds nothing anywhere is none: each is held against a page that is wrong in its way."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Open

pytestmark = pytest.mark.slow


def plot(inside: str) -> str:
    """What Plotly leaves in a page: an axis, a trace, and what is given."""
    return f"""<div class="plot" role="img" aria-label="a plot"><svg class="main-svg" width="400" height="300">
        <g class="trace"><path d="M10,10L300,200" stroke="#000"/></g>
        <g class="xtick"><text x="20" y="290">1</text></g>{inside}</svg></div>"""


def page(body: str) -> str:
    """A page around it that has nothing else to find fault with."""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
        <link rel="icon" href="data:,"><style>body {{ background: #fff; color: #000 }}</style></head>
        <body><main><h1>A page</h1>{body}</main></body></html>"""


def test_nothing_is_wrong_with_a_sound_page(visit: Open) -> None:
    found = visit(page(plot('<text x="100" y="100">a label</text>')))
    assert [*found.faults(), *found.inaccessible()] == []


WRONG = {
    "a warning in the console": (plot("<script>console.warn('beware')</script>"), "warning: beware"),
    "an error": (plot("<script>setTimeout(() => undefined.x)</script>"), "error: Cannot read properties of undefined"),
    "a request": (plot("") + '<img alt="" src="http://127.0.0.1:9/picture.png">', "asked for http://127.0.0.1:9"),
    "no plot": ("", "the page has no plot"),
    "a plot that was not drawn": ('<div class="plot" aria-label="x"></div>', "x: nothing was drawn"),
    "a plot without traces": (plot("").replace("M10,10L300,200", ""), "a plot: no trace"),
    "a plot without labels": (plot("").replace("xtick", "x"), "a plot: no labels on its axis"),
    "a page that is too wide": (plot("") + '<div style="width: 1500px">wide</div>', "the page is 15"),
    "labels on each other": (plot('<text x="50" y="50">one</text><text x="60" y="52">other</text>'), '"one" lies on'),
    "a label that is cut": (plot('<text x="380" y="50">a long label</text>'), '"a long label" is cut'),
    "a faint label": (plot('<text x="50" y="50" fill="#999">grey</text>'), '"grey" is faint'),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found(what: str, visit: Open) -> None:
    body, fault = WRONG[what]
    found = visit(page(body))
    found.page.evaluate("new Promise(resolve => setTimeout(resolve))")
    assert any(each.startswith(fault) or fault in each for each in found.faults()), found.faults()


def test_text_that_is_too_faint_and_a_picture_without_words_are_found(visit: Open) -> None:
    found = visit(page('<p style="color: #aaa">faint</p><img src="data:,">')).inaccessible()
    assert {each.partition(":")[0] for each in found} >= {"color-contrast", "image-alt"}

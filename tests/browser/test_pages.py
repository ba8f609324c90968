"""Every page that Trainyard writes, in a real browser: on a desk and on a phone, light and dark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.browser.conftest import Open
from tests.trainyard.report import scenes
from tests.trainyard.whatif.test_write import ANSWERS
from trainyard.dashboards.body import Alarms, Graph, Page, Place, Text
from trainyard.dashboards.data import Curve, Shown, State
from trainyard.dashboards.show import render as dashboard
from trainyard.report.write import render as report
from trainyard.whatif.write import render as answer

pytestmark = pytest.mark.slow


def test_a_report_is_readable_on_a_desk_by_day_and_on_a_phone_by_night(visit: Open) -> None:
    """Nothing fails, leaves, overflows, overlaps or fades; what screen or theme change is drawn again."""
    page = visit(report(scenes.single())).drawn()
    assert [*page.faults(), *page.inaccessible()] == []
    page.turn(width=390, scheme="dark")
    assert [*page.faults(), *page.inaccessible()] == []


def test_a_comparison_is_readable_on_a_phone_by_day_and_on_a_desk_by_night(visit: Open) -> None:
    page = visit(report(scenes.comparison()), width=390).drawn()
    assert [*page.faults(), *page.inaccessible()] == []
    assert page.turn(width=1280, scheme="dark").faults() == []


@pytest.mark.parametrize("name", ["spot", "serverless", "autoscaling"])
def test_an_answer_is_readable_on_a_phone_in_the_dark(name: str, visit: Open) -> None:
    """Those with every kind of plot: bars, lines, marks, logarithms, two axes, times."""
    assert visit(answer(ANSWERS[name]()), width=390, scheme="dark").drawn().faults() == []


def test_a_dashboard_is_readable_on_a_desk_and_on_a_phone(visit: Open) -> None:
    """Words, alarms, two graphs side by side, one of them with a limit, and one without data."""
    now = datetime.now(UTC)
    moments = tuple(now - timedelta(minutes=5 * back) for back in range(12, 0, -1))
    jobs = [f"pipelines-k2j4h5g6f7d8-Train-{name}" for name in ("one", "two", "three")]
    curves = tuple(
        Curve(label=job, moments=moments, values=tuple(1.0 + number + at % 4 for at in range(12)))
        for number, job in enumerate(jobs)
    )
    left, right, whole = (Place(x=x, y=6, width=width, height=6) for x, width in ((0, 12), (12, 12), (0, 24)))
    firing = State(name="trainyard-prod-bytes-lm-endpoint-latency", state="ALARM", reason="above 200", since=now)
    losses = Graph(place=left, title="Loss", unit="nats", queries=())
    latency = Graph(place=right, title="Latency", unit="ms", queries=(), limits=(("promise", 4.5),))
    shown = [
        Shown(widget=Text(place=whole, markdown="## Training\n\nWhat jobs [report](https://example.com).")),
        Shown(widget=Alarms(place=whole, title="Alarms", names=(firing.name,)), states=(firing,)),
        Shown(widget=losses, curves=curves), Shown(widget=latency, curves=curves[:1]),
        Shown(widget=Graph(place=whole, title="Errors", unit="", queries=())),
    ]  # fmt: skip
    page = Page(name="trainyard-prod-training", widgets=tuple(one.widget for one in shown), span=timedelta(hours=1))
    opened = visit(dashboard(page, shown, page.span, where="AWS")).drawn()
    assert [*opened.faults(), *opened.inaccessible()] == []
    assert opened.turn(width=390, scheme="dark").faults() == []

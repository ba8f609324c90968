"""Every page that Trainyard writes, in a real browser: on a desk and on a phone, light and dark."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Open
from tests.trainyard.report import scenes
from tests.trainyard.whatif.test_write import ANSWERS
from trainyard.report.write import render as report
from trainyard.whatif.write import render as answer

pytestmark = pytest.mark.slow


def test_a_report_is_readable_wherever_it_is_read(visit: Open) -> None:
    """Nothing fails, leaves, overflows, overlaps or fades; what screen or theme change is drawn again."""
    page = visit(report(scenes.single())).drawn()
    assert [*page.faults(), *page.inaccessible()] == []
    assert page.turn(width=390).faults() == []
    page.turn(scheme="dark")
    assert [*page.faults(), *page.inaccessible()] == []
    assert page.turn(width=1280).faults() == []


def test_a_comparison_is_readable_on_a_desk_and_on_a_phone(visit: Open) -> None:
    page = visit(report(scenes.comparison())).drawn()
    assert [*page.faults(), *page.inaccessible()] == []
    assert page.turn(width=390, scheme="dark").faults() == []


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_readable_on_a_phone_in_the_dark(name: str, visit: Open) -> None:
    assert visit(answer(ANSWERS[name]()), width=390, scheme="dark").drawn().faults() == []

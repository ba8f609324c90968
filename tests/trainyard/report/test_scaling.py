"""The report's section on scaling."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.trainyard.scaling import documents as of
from trainyard.report.data import Report
from trainyard.report.scaled import Scaling
from trainyard.report.write import render
from trainyard.scaling.scaler import read_scaler
from trainyard.scaling.simulation import Assumptions, simulate
from trainyard.scaling.trace import built_in_day


def _page(*scaling: Scaling) -> str:
    return render(Report(where="the embedded cloud", chapters=(), scaling=scaling))


@pytest.mark.slow
def test_what_scales_is_shown_with_its_activities_and_its_day() -> None:
    """Instance-hours beside those without scaling, and what happened, with its cause."""
    scaler = read_scaler(of.target(), [of.tracking()])
    day = simulate(scaler, built_in_day(100), Assumptions(per_instance=100))
    activity = {"StartTime": datetime(2026, 11, 21, 8, tzinfo=UTC), "StatusCode": "Successful",
                "Description": "Setting desired instance count to 3.", "Cause": "an <alarm>"}  # fmt: skip
    page = _page(Scaling(resource=scaler.resource, activities=(activity,), day=day))
    assert all(text in page for text in ("Setting desired instance count to 3.", "an &lt;alarm&gt;", of.RESOURCE))
    assert "92.2 instance-hours, 240.0 with the largest capacity all day, 90.0 if capacity followed" in page


def test_without_anything_that_scales_there_is_no_section() -> None:
    """No empty heading."""
    assert "<h2>Scaling</h2>" not in _page()

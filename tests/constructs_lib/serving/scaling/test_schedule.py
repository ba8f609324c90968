"""Times of a schedule are refused where the service would."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from constructs_lib.serving.scaling import At, Cron, Rate, Scheduled


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"hour": "8", "weekday": "MON"}, "exactly one of day and weekday"),
        ({"hour": "8", "day": "?"}, "exactly one of day and weekday"),
        ({"hour": "24"}, "it lies in 0–23"),
        ({"hour": "8", "minute": "61"}, "it lies in 0–59"),
        ({"hour": "eight"}, "it must match"),
        ({"hour": "8", "day": "?", "weekday": "MONDAY"}, "it must match"),
    ],
)
def test_a_cron_expression_is_checked(fields: dict[str, str], refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        Cron(**fields)


@pytest.mark.parametrize(
    ("cron", "text"),
    [
        (Cron(hour="8-18/2", minute="0,30"), "cron(0,30 8-18/2 * * ? *)"),
        (Cron(hour="*/3"), "cron(0 */3 * * ? *)"),
        (Cron(hour="1", day="L", month="JAN-MAR"), "cron(0 1 L JAN-MAR ? *)"),
        (Cron(hour="1", day="?", weekday="2#1", year="2027"), "cron(0 1 ? * 2#1 2027)"),
    ],
)
def test_it_is_written_in_six_fields(cron: Cron, text: str) -> None:
    assert cron.render() == text


NINE = Cron(hour="9")


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"times": NINE}, "sets the minimum, the maximum or both"),
        ({"times": NINE, "minimum": 3, "maximum": 2}, "it is at most maximum"),
        ({"times": NINE, "minimum": 1, "time_zone": "Berlin"}, "the IANA database does not hold it"),
        ({"times": Rate(every=2, unit="day"), "minimum": 1, "time_zone": "Europe/Berlin"}, "rates have no time zone"),
        ({"times": NINE, "minimum": 1, "start": datetime(2027, 1, 1)}, "without a time zone it is no moment"),
        ({"times": NINE, "minimum": 1, "start": datetime(2027, 1, 2, tzinfo=UTC),
          "end": datetime(2027, 1, 1, tzinfo=UTC)}, "it comes after start"),
    ],
)  # fmt: skip
def test_an_action_that_cannot_happen_is_refused(fields: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        Scheduled(name="night", **fields)


def test_one_moment_has_the_time_zone_of_its_action() -> None:
    with pytest.raises(ValueError, match="in the time zone of the action"):
        At(time=datetime(2027, 1, 1, tzinfo=UTC))

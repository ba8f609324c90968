"""The few forms of schedules that SageMaker takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving.monitoring import Daily, EveryHours, Hourly
from constructs_lib.serving.monitoring.schedule import Schedule, check_run_time
from ml_contract.errors import ContractError

DOCUMENTED = re.compile(r"cron\(0 (\*|([01]?[0-9]|2[0-3])(/([01]?[0-9]|2[0-4]))?) \? \* \* \*\)")
SCHEDULES = st.one_of(
    st.builds(Hourly),
    st.builds(Daily, hour=st.integers(0, 23)),
    st.builds(EveryHours, every=st.sampled_from([2, 3, 4, 6, 8, 12]), start=st.integers(0, 23)),
)


@given(schedule=SCHEDULES)
def test_every_schedule_has_a_documented_form(schedule: Schedule) -> None:
    assert DOCUMENTED.fullmatch(schedule.render())


@given(schedule=SCHEDULES, hourly=st.sampled_from([1800, 3600]), seconds=st.integers(1, 86400))
def test_no_run_reaches_into_the_next(schedule: Schedule, hourly: int, seconds: int) -> None:
    limit = hourly if schedule.hours == 1 else schedule.hours * 3600
    if seconds <= limit:
        check_run_time(seconds, schedule, hourly)
    else:
        with pytest.raises(ContractError, match=f"then at most {limit} s"):
            check_run_time(seconds, schedule, hourly)


@pytest.mark.parametrize("every", [1, 5, 7, 24])
def test_an_interval_that_does_not_divide_the_day_is_refused(every: int) -> None:
    with pytest.raises(ValueError, match=f"every: got {every}"):
        EveryHours(every=every)

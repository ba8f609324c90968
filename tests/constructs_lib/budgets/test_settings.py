"""Value objects of spend: what they refuse, and in which words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.budgets import (
    CostTags,
    DenyStarts,
    OnlyTell,
    SpendLimit,
    TeamInstances,
    Threshold,
    activate_command,
)
from constructs_lib.budgets.tags import KEYS
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError

HALF = Threshold(percent=50, of="actual", severity="notice")


def limit(**changes: Any) -> SpendLimit:
    return SpendLimit(**{"usd": 10, "period": "monthly", "thresholds": (HALF,), "used_up": OnlyTell(), **changes})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"usd": 0}, "SpendLimit.usd: got 0, but it must be greater than 0"),
        ({"period": "weekly"}, "must be one of 'monthly' or 'quarterly'"),
        ({"thresholds": ()}, "must hold at least 1 items"),
        ({"thresholds": (HALF, HALF)}, "each percentage of actual and of forecast spend once"),
        ({"thresholds": tuple(Threshold(percent=1 + each, of="actual", severity="notice") for each in range(11))},
         "must hold at most 10 items"),
        ({"team": "A Team"}, "SpendLimit.team"),
    ],
)  # fmt: skip
def test_a_limit_that_aws_would_not_take_is_refused(changes: dict, says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        limit(**changes)


def test_actual_and_forecast_may_share_a_percentage() -> None:
    both = (HALF, Threshold(percent=50, of="forecast", severity="notice"))
    assert limit(thresholds=both).thresholds == both


def test_whoever_denies_says_whether_somebody_is_asked() -> None:
    with pytest.raises(InvalidValue, match="approval: got None, but it has no default"):
        DenyStarts()


def test_a_team_in_an_environment_has_a_tag_that_names_both() -> None:
    assert CostTags(environment="dev", team="vision").values["environment-team"] == "dev-vision"


def test_every_key_is_activated() -> None:
    assert [key for key in KEYS if f"TagKey={key},Status=Active" in activate_command().split()] == list(KEYS)


@given(st.integers(1, 50), st.integers(0, 100))
def test_a_team_may_hire_what_it_has_and_no_more(has: int, wants: int) -> None:
    team = TeamInstances(team="vision", instances={"ml.g5.2xlarge": has})
    if wants <= has:
        team.check({"ml.g5.2xlarge": wants})
    else:
        with pytest.raises(ContractError, match=rf"budgets.teams.vision.ml.g5.2xlarge: got {wants}, .* has {has} of"):
            team.check({"ml.g5.2xlarge": wants})


def test_of_a_type_that_is_not_named_a_team_has_none() -> None:
    with pytest.raises(ContractError, match="the team has 0 of them"):
        TeamInstances(team="vision", instances={"ml.g5.2xlarge": 1}).check({"ml.p5.48xlarge": 1})


@pytest.mark.parametrize("instances", [{"ml.g5.2xlarge": 0}, {"g5.2xlarge": 1}, {}])
def test_nonsense_of_a_team_is_refused(instances: dict) -> None:
    with pytest.raises(InvalidValue):
        TeamInstances(team="vision", instances=instances)

"""Assumptions: settable, within what makes sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from trainyard.cost.assumptions import KNOWN, parse


def test_what_is_not_set_has_its_default() -> None:
    found = parse(["s3_gb=2000"])
    assert (found["s3_gb"], found["log_gb_per_month"]) == (2000, KNOWN["log_gb_per_month"].default)
    assert found.said("s3_gb") == "s3_gb=2000"


@pytest.mark.parametrize(
    ("items", "match"),
    [
        (["s3_gb"], "NAME=VALUE"),
        (["s3gb=1"], "Did you mean s3_gb"),
        (["zzz=1"], "There are "),
        (["s3_gb=1", "s3_gb=2"], "given already"),
        (["s3_gb=much"], "must be a number"),
        (["s3_gb=-1"], "between 0 and"),
        (["s3_gb=nan"], "between 0 and"),
        (["s3_gb=1e99"], "between 0 and"),
        (["run_share=1.5"], "between 0 and 1 "),
    ],
)
def test_what_makes_no_sense_is_one_error(items: list[str], match: str) -> None:
    with pytest.raises(ContractError, match=match) as caught:
        parse(items)
    assert "\n" not in str(caught.value)


@given(st.sampled_from(sorted(KNOWN)), st.floats(0, 1))
def test_any_share_and_amount_of_the_range_is_taken(name: str, value: float) -> None:
    assert parse([f"{name}={value}"])[name] == value

"""What is drift and what is not, and numbers on their way through CloudFormation."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.constructs_lib.governance.conftest import as_text


def test_what_sagemaker_adds_is_no_drift() -> None:
    from compute_quota.comparing import differences

    row = {"InstanceType": "ml.g5.xlarge", "Accelerators": 2}
    assert differences({"Rows": [row]}, {"Rows": [{**row, "VCpu": 8.0, "MemoryInGiB": 32.0}], "Other": 1}) == []


def test_the_order_of_types_is_no_drift() -> None:
    from compute_quota.comparing import differences

    rows = [{"InstanceType": name, "Count": 1} for name in ("ml.g5.xlarge", "ml.p5.48xlarge")]
    assert differences({"Rows": rows}, {"Rows": rows[::-1]}) == []


def test_a_type_that_was_added_is_drift() -> None:
    from compute_quota.comparing import differences

    rows = [{"InstanceType": name, "Count": 1} for name in ("ml.g5.xlarge", "ml.p5.48xlarge")]
    assert "ml.p5.48xlarge" in differences({"Rows": rows[:1]}, {"Rows": rows})[0]


counts = st.integers(0, 10_000_000)
amounts = st.floats(0, 1e7, allow_nan=False)


@given(
    st.fixed_dictionaries(
        {"Count": counts, "Accelerators": counts, "VCpu": amounts, "MemoryInGiB": amounts, "BorrowLimit": counts}
    ),
    st.lists(st.fixed_dictionaries({"FairShareWeight": counts, "TeamName": st.text()})),
)
def test_numbers_survive_cloudformation(first: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    from compute_quota.comparing import typed

    assert typed(as_text({**first, "Rows": rows})) == {**first, "Rows": rows}

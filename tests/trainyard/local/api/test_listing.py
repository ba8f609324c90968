"""Pages of a list: every item once, in order, whatever comes or goes in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.listing import page, select


def rows(count: int) -> list[dict[str, object]]:
    return [
        {"Name": f"n{index}", "Arn": f"arn:{index}", "CreationTime": float(index), "LastModifiedTime": 100.0 - index,
         "Status": "Failed" if index % 2 else "Completed"}
        for index in range(count)
    ]  # fmt: skip


@given(count=st.integers(0, 25), size=st.integers(1, 10), identity=st.sampled_from(["Arn", None]))
def test_pages_together_are_the_list(count: int, size: int, identity: str | None) -> None:
    found: list[object] = []
    request: dict[str, object] = {"MaxResults": size}
    for _ in range(count + 1):
        answer = page(rows(count), request, "Items", identity=identity)
        assert len(answer["Items"]) <= size
        found += answer["Items"]
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]
    assert found == rows(count)


def test_a_new_item_in_front_moves_nothing() -> None:
    first = page(rows(4), {"MaxResults": 2}, "Items", identity="Arn")
    later = [{"Arn": "arn:new"}, *rows(4)]
    second = page(later, {"MaxResults": 2, "NextToken": first["NextToken"]}, "Items", identity="Arn")
    assert [row["Arn"] for row in second["Items"]] == ["arn:2", "arn:3"]


@pytest.mark.parametrize("token", ["x", "bm8=", "WzEs", "!!!"])
def test_a_foreign_token_is_refused(token: str) -> None:
    with pytest.raises(ServiceError, match="Invalid NextToken"):
        page(rows(3), {"NextToken": token}, "Items")


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({}, ["n0", "n1", "n2", "n3"]),
        ({"SortOrder": "Descending"}, ["n3", "n2", "n1", "n0"]),
        ({"NameContains": "N2"}, ["n2"]),
        ({"StatusEquals": "Failed"}, ["n1", "n3"]),
        ({"CreationTimeAfter": 1.0}, ["n2", "n3"]),
        ({"CreationTimeBefore": 1.0}, ["n0"]),
        ({"LastModifiedTimeAfter": 99.0}, ["n0"]),
        ({"SortBy": "Status"}, ["n0", "n2", "n1", "n3"]),
        ({"SortBy": "Name", "SortOrder": "Descending"}, ["n3", "n2", "n1", "n0"]),
    ],
)
def test_filters_and_orders(request_: dict[str, object], names: list[str]) -> None:
    chosen = select(rows(4), request_, name="Name", status="Status")
    assert [row["Name"] for row in chosen] == names

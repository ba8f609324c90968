"""The tables that are committed, and what a table is refused for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from ml_contract.errors import ContractError
from trainyard.cost.prices import TABLES, Price, Prices, write

HEAD = "item,price,unit,read,source\n"


def table(folder: Path, rows: str, head: str = HEAD) -> Path:
    folder.mkdir()
    (folder / "us-east-1.csv").write_text(head + rows)
    (folder / "sources.csv").write_text("source,what\nhere,a test\n")
    return folder


def test_every_price_of_the_package_has_a_day_and_a_source() -> None:
    found = Prices.load("us-east-1")
    oldest, newest = found.read
    assert date(2024, 1, 1) < oldest <= newest <= date.today()
    assert all(len(price.source) > 20 and price.amount > 0 for price in found.rows.values())
    assert max(each.stat().st_size for each in TABLES.iterdir()) < 400_000


def test_prices_differ_by_use_and_say_where_they_were_read() -> None:
    found = Prices.load("us-east-1")
    training, cluster = (found.instance("ml.p4d.24xlarge", usage=use) for use in ("training", "cluster"))
    assert (training.hourly, cluster.hourly) == (25.2513, 25.91)
    assert (training.currency, training.read) == ("USD", date(2026, 7, 27))
    assert "truffle" in training.source


def test_a_price_that_is_no_price_of_hours_is_not_taken_for_one() -> None:
    with pytest.raises(ContractError, match="not of an hour"):
        _ = Prices.load("us-east-1").item("kms/key-month").hourly


@pytest.mark.parametrize("ask", [
    lambda prices: prices.instance("ml.p5.48xlarge", usage="cluster"),
    lambda prices: prices.spot("ml.p4d.24xlarge"),
    lambda prices: prices.savings("ml.g5.xlarge", years=3, usage="hosting"),
    lambda prices: prices.plan("ml.p5.48xlarge"),
    lambda prices: prices.item("vpc/nothing"),
])  # fmt: skip
def test_a_missing_price_is_an_error_with_a_way_out(ask: Callable[[Prices], object]) -> None:
    with pytest.raises(ContractError, match="trainyard cost refresh"):
        ask(Prices.load("us-east-1"))


def test_a_region_without_a_table_is_an_error_that_names_the_others() -> None:
    with pytest.raises(ContractError, match=r"prices of us-east-1 only\. `trainyard cost refresh --region eu-west-1`"):
        Prices.load("eu-west-1")


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ("a/x,free,hour,2026-01-01,here\n", "a number and a day"),
        ("a/x,1,hour,yesterday,here\n", "a number and a day"),
        ("a/x,-1,hour,2026-01-01,here\n", "from 0 on"),
        ("a/x,nan,hour,2026-01-01,here\n", "from 0 on"),
        ("a/x,1,hour,2026-01-01,hearsay\n", "does not name it"),
        ("a/x,1,hour,2026-01-01,here\n" * 2, "twice"),
    ],
)
def test_a_row_that_is_no_price_is_refused(tmp_path: Path, rows: str, match: str) -> None:
    with pytest.raises(ContractError, match=match):
        Prices.load("us-east-1", tables=table(tmp_path / "tables", rows))


def test_a_table_with_other_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="columns must be"):
        Prices.load("us-east-1", tables=table(tmp_path / "tables", "a,1\n", "item,price\n"))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    price = Price(item="lambda/gb-second", amount=0.0000133334, unit="gb-second", currency="USD",
                  source="a test", read=date(2026, 11, 1))  # fmt: skip
    write("eu-west-1", [price], {"a test": "here"}, tables=tmp_path)
    assert Prices.load("eu-west-1", tables=tmp_path).rows == {price.item: price}

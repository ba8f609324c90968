"""Published figures as a table of Markdown."""

from __future__ import annotations

from benchmarks.markdown import table


def test_a_row_keeps_the_order_of_its_columns() -> None:
    """Ratios with two digits, large figures whole."""
    rows = [{"case": "a", "n": 3, "ratio": 0.123, "rate": 1234.5}]
    assert table({"rows": rows}).splitlines() == [
        "| case | n | ratio | rate |", "|---|---|---|---|", "| a | 3 | 0.12 | 1234 |",
    ]  # fmt: skip

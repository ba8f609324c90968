"""Traffic from files: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_contract.errors import ContractError
from trainyard.scaling.trace import read_trace


def _file(folder: Path, *rows: str, header: str = "time,requests") -> Path:
    file = folder / "trace.csv"
    file.write_text("\n".join([header, *rows]))
    return file


def test_a_row_is_a_minute(tmp_path: Path) -> None:
    """More columns do not disturb."""
    trace = read_trace(_file(tmp_path, "a,2026-11-21T08:00,10", "b,2026-11-21T08:01,0", header="note,time,requests"))
    assert (trace.requests, trace.time(1).isoformat()) == ((10.0, 0.0), "2026-11-21T08:01:00+00:00")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (("2026-11-21T08:00,1", "2026-11-21T08:02,1"), ":3.time.*not the minute before"),
        (("2026-11-21T08:00,1", "2026-11-21T07:59,1"), ":3.time.*not after"),
        (("2026-11-21T08:00,1", "2026-11-21T08:00,1"), ":3.time.*not after"),
        (("2026-11-21T08:00,-1",), ":2.requests.*less than no request"),
        (("2026-11-21T08:00,many",), ":2.requests.*no number"),
        (("2026-11-21T08:00,nan",), ":2.requests.*no number"),
        (("2026-11-21T08:00",), ":2.requests.*no number"),
        (("8 o'clock,1",), ":2.time.*ISO 8601"),
        ((), "no row"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, rows: tuple[str, ...], told: str) -> None:
    """File, line, column, rule."""
    with pytest.raises(ContractError, match=told):
        read_trace(_file(tmp_path, *rows))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """The first line says what the columns are."""
    with pytest.raises(ContractError, match="time and requests"):
        read_trace(_file(tmp_path, "2026-11-21T08:00,1", header="time,rps"))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(ContractError, match=r"nowhere\.csv"):
        read_trace(tmp_path / "nowhere.csv")

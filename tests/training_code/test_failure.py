"""The failure file says the first cause, in one line, within the platform's limit."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from training_code.failure import LIMIT, PeerLost, describe, record


def test_the_first_cause_stands(tmp_path: Path) -> None:
    path = tmp_path / "output" / "failure"
    assert record(path, "first")
    assert not record(path, "second")
    assert path.read_text() == "first"


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=3000))
def test_a_reason_fits_and_is_cut_at_its_end_only(tmp_path_factory: pytest.TempPathFactory, reason: str) -> None:
    path = tmp_path_factory.mktemp("failure") / "failure"
    record(path, reason)
    found = path.read_text(encoding="utf-8")
    assert len(found) <= LIMIT
    assert found == reason or (found.endswith("…") and reason.startswith(found[:-1]))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ContractError("steps", 0, "it is at least 1", "Give 1."), "steps: got 0, but it is at least 1. Give 1."),
        (RuntimeError("first\n  second"), "RuntimeError: first second"),
        (PeerLost("another rank ended first"), "another rank ended first"),
        (MemoryError(), "MemoryError"),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)  # fmt: skip
def test_a_description_is_one_line(error: Exception, text: str) -> None:
    assert describe(error) == text

"""What examples a gate's properties draw."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings, strategies

MODULE = "FIGURES = 918273645, 827364519, 736451928, 645192837\n"


def drawn() -> list[int]:
    found: list[int] = []

    @settings(max_examples=200, database=None)
    @given(strategies.integers())
    def everything(number: int) -> None:
        found.append(number)

    everything()
    return found


@pytest.mark.skipif(settings.get_current_profile_name() == "explore", reason="these draw others each time")
def test_they_are_the_same_whatever_else_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = drawn()
    other = ModuleType("figures")
    file = tmp_path / "figures.py"
    file.write_text(MODULE)
    other.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "figures", other)
    assert drawn() == before

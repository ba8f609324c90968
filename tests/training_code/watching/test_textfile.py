"""The file of a run: whole at any time, there while the run is to go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_contract.metrics import LOSS
from ml_contract.prometheus import name_of
from training_code.watching.textfile import TextFile


def test_the_last_step_is_what_the_file_holds(tmp_path: Path) -> None:
    sink = TextFile(tmp_path, "job")
    for step in (1, 2):
        sink.write(step, {LOSS.name: 1.0 / step})
    assert f'{name_of(LOSS)}{{run="job"}} 0.5' in (tmp_path / "trainyard-job.prom").read_text()


def test_nothing_else_is_left_in_the_exporters_folder(tmp_path: Path) -> None:
    TextFile(tmp_path, "job").write(1, {})
    assert [path.name for path in tmp_path.iterdir()] == ["trainyard-job.prom"]


def test_a_runs_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    TextFile(tmp_path, "../job").write(1, {})
    assert [path.name for path in tmp_path.iterdir()] == ["trainyard-..-job.prom"]


@pytest.mark.parametrize(("status", "left"), [("FINISHED", False), ("FAILED", False), ("KILLED", True)])
def test_the_figures_stay_while_the_run_is_to_go_on(tmp_path: Path, status: str, left: bool) -> None:
    sink = TextFile(tmp_path, "job")
    sink.write(1, {})
    sink.close(status)
    assert (tmp_path / "trainyard-job.prom").exists() == left


def test_closing_before_the_first_step_is_no_error(tmp_path: Path) -> None:
    TextFile(tmp_path, "job").close("FINISHED")

"""A run has a sign of life before it has a step: what the node's exporter shows of hosts that never find each other."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest
from training_harness import container, tiny_run

from ml_contract.clusters import pods
from ml_contract.prometheus import FOLDER_VARIABLE, begin, file_name
from ml_contract.pulse import JOB
from training_code.launcher.__main__ import _begin
from training_code.launcher.job import Job
from training_code.watching.textfile import TextFile


def job(folder: Path, rank: int) -> Job:
    return Job.read(container(folder, tiny_run(), hosts=("algo-1", "algo-2"), rank=rank))


@pytest.mark.parametrize(
    ("rank", "changes", "begun"),
    [(0, {}, True), (1, {}, False), (0, {pods.AGENT: pods.HYPERPOD}, False)],
    ids=["first host", "another", "pod"],
)
def test_the_first_host_leaves_the_file_that_alerts_look_at(
    tmp_path: Path, rank: int, changes: dict[str, str], begun: bool
) -> None:
    figures = tmp_path / "figures"
    figures.mkdir()
    _begin(job(tmp_path / "host", rank), {FOLDER_VARIABLE: str(figures), JOB: "slurm-7", **changes})
    assert [file.name for file in figures.iterdir()] == ([file_name("slurm-7")] if begun else [])


def test_a_folder_that_is_not_there_keeps_nobody_from_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _begin(job(tmp_path, 0), {FOLDER_VARIABLE: str(tmp_path / "none"), JOB: "slurm-7"})
    assert "nobody will see whether this run stands still" in capsys.readouterr().out
    TextFile(tmp_path / "none", "slurm-7")


def test_another_attempt_is_a_new_sign_beside_the_old_figures(tmp_path: Path) -> None:
    sink = TextFile(tmp_path, "slurm-7")
    sink.write(9, {})
    sink.close("KILLED")
    (file,) = tmp_path.iterdir()
    before = file.read_text()
    os.utime(file, (0, 0))
    assert begin(tmp_path, "slurm-7") == file
    assert file.read_text() == before
    assert time.time() - file.stat().st_mtime < 60


def test_everybody_may_read_it_whatever_the_umask_is(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        file = begin(tmp_path, "a/b c")
    finally:
        os.umask(mask)
    assert file.name == "trainyard-a-b-c.prom"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644

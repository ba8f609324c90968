"""Signs of life of a job: what they say of a run that steps, that hangs, and that has not begun."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from training_harness import container, tiny_run
from training_processes import LIMIT_S

from ml_contract import pulse
from ml_contract.errors import ContractError
from ml_contract.metrics import CHECKPOINT_AGE
from ml_contract.training.surroundings import Watching
from training_code.launcher import pulse as launcher_pulse
from training_code.launcher.pulse import Pulse
from training_code.vitals import VARIABLE, Vitals
from training_code.watching.clock import Clock
from training_code.watching.vitals_file import VitalsFile


def beating(file: Path, **changes: Any) -> Pulse:
    return Pulse(file, **{"subject": "trainyard-dev-digits", "job": "job-1", "every_seconds": 0.02, **changes})


def figures(line: str) -> dict[str, Any]:
    document = json.loads(line)
    named = {metric["Name"] for metric in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert document[pulse.DIMENSION] == "trainyard-dev-digits"
    return {name: document[name] for name in named}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Times that pass when a test says so."""
    clock = SimpleNamespace(now=0.0, monotonic=lambda: 100.0 + clock.now, time=lambda: 5000.0 + clock.now)
    monkeypatch.setattr(launcher_pulse, "time", clock)
    return clock


def test_a_run_without_a_step_is_silent_since_its_container_started(tmp_path: Path, clock: SimpleNamespace) -> None:
    found = beating(tmp_path / "vitals.json")
    clock.now = 7.0
    assert figures(found.sign(None)) == {pulse.SILENCE.name: 7.0}


def test_a_run_that_hangs_grows_silent_and_risks_no_more_than_before(tmp_path: Path, clock: SimpleNamespace) -> None:
    vitals = Vitals(stepped_at=100.0, at_risk=42.0, started=4300.0)
    clock.now = 300.0
    assert figures(beating(tmp_path / "vitals.json").sign(vitals)) == {
        pulse.SILENCE.name: 300.0, pulse.RUNNING.name: 1000.0, pulse.CHECKPOINT_AGE.name: 42.0
    }  # fmt: skip


def test_a_run_without_checkpoints_says_nothing_of_them(tmp_path: Path) -> None:
    vitals = Vitals(stepped_at=time.monotonic(), at_risk=None, started=time.time())
    assert pulse.CHECKPOINT_AGE.name not in figures(beating(tmp_path / "vitals.json").sign(vitals))


def test_the_first_rank_leaves_what_is_told(tmp_path: Path) -> None:
    file, clock = tmp_path / "vitals.json", Clock()
    sink = VitalsFile(file, clock)
    assert Vitals.read(file) is None
    before = time.monotonic()
    sink.write(7, {CHECKPOINT_AGE.name: 12.5, "train:loss": 1.0})
    after = time.monotonic()
    sink.close("KILLED")
    found = Vitals.read(file)
    assert found is not None
    assert (found.at_risk, found.started) == (12.5, clock.started)
    assert before <= found.stepped_at <= after


@pytest.mark.parametrize("text", ["", "no document", '{"stepped_at": 1}'])
def test_a_spoilt_file_ends_no_pulse(tmp_path: Path, text: str) -> None:
    file, lines, told = tmp_path / "vitals.json", [], threading.Event()
    file.write_text(text)

    def write(line: str) -> None:
        lines.append(line)
        if len(lines) == 2:
            told.set()

    found = beating(file, write=write)
    thread = threading.Thread(target=found.run, daemon=True)
    thread.start()
    assert told.wait(LIMIT_S)
    found.stop()
    thread.join(LIMIT_S)
    assert pulse.SILENCE.name in figures(lines[-1])


@pytest.mark.parametrize(
    ("subject", "rank", "begins"),
    [("trainyard-dev-digits", 0, True), ("trainyard-dev-digits", 1, False), (None, 0, False)],
)
def test_the_first_host_of_a_watched_run_speaks(tmp_path: Path, subject: str | None, rank: int, begins: bool) -> None:
    run = tiny_run(watching=Watching(subject=subject, pulse_seconds=600))
    found = Pulse.begin(container(tmp_path, run, hosts=("algo-1", "algo-2"), rank=rank))
    assert (set(found) == {VARIABLE}) == begins
    assert not any(Path(file).exists() for file in found.values())


def test_an_event_holds_a_figure() -> None:
    with pytest.raises(ContractError, match=r"values: got \{\}, but an event holds one figure or more"):
        pulse.line("digits", {}, at=0.0)

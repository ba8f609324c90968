"""The GPU benchmark runs, as far as a machine without one can show; its tables say what was measured and what not."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the training environment is not installed")

from benchmarks.gpu import report
from benchmarks.gpu.measure import Clock
from benchmarks.gpu.rows import OURS, PLAIN, ROWS, Row
from benchmarks.gpu.settings import settings

ROOT = Path(__file__).parents[2]
SMOKE = settings(smoke=True)


def benchmark(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--folder", str(folder), *arguments], cwd=ROOT, capture_output=True,
        text=True, timeout=280, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_everybody_starts_from_the_same_loss_and_a_later_call_goes_on(tmp_path: Path) -> None:
    for who in ("trainyard", "plain"):
        finished = benchmark(tmp_path, "--smoke", "--resume", "--only", "speed / 1.2B", who, "eager")
        assert finished.returncode == 0, finished.stderr
    rows: dict[str, Any] = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    ours, plain = (rows[f"speed / 1.2B / {who} / eager"]["losses"] for who in (OURS, PLAIN))
    assert len(ours) == SMOKE["1.2B"].warm + SMOKE["1.2B"].steps
    assert plain == pytest.approx(ours, abs=5e-3)
    assert "these are no figures of a GPU" in (tmp_path / "gpu.md").read_text()


def row(**changes: Any) -> Row:
    return Row(**{"kind": "speed", "setting": "1.2B", "who": OURS, "mode": "eager", **changes})


def figures(*losses: float) -> dict[str, Any]:
    return {"tokens_per_second": 1000.0, "mfu": 0.5, "mfu_causal": 0.45, "peak_gib": 3.0, "step_seconds": 0.1,
            "warm_seconds": 1.0, "losses": [*losses]}  # fmt: skip


def test_a_table_holds_what_was_measured_and_a_list_what_was_not() -> None:
    results = {
        row(mode="compiled").name: figures(5.0, 4.0),
        row(who=PLAIN, mode="compiled").name: figures(5.0, 4.25),
        row(mode="float8").name: {"skipped": "torchao not installed"},
    }
    text = report.markdown(results, SMOKE, smoke=False)
    assert (
        "| 1.2B | plain PyTorch | compiled | 1,000 | 50.0 % | 45.0 % | 3.0 | 100.0 | 1.0 | 5.0000 | 4.2500 | 0.2500 |"
        in text
    )
    assert "- speed / 1.2B / trainyard / float8: torchao not installed" in text
    assert "no figures of a GPU" not in text


def test_float8_has_no_share_of_a_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.gpu.measure.peak_flops", lambda _: 989.4e12)
    clock = Clock(SMOKE["1.2B"], losses=[5.0] * 4, seconds=[9.0, 1.0, 1.0, 1.0])
    assert clock.figures(is_bf16=False)["mfu"] is None
    found = clock.figures()
    tokens = SMOKE["1.2B"].tokens
    assert found["tokens_per_second"] == tokens, "the step that compiles does not count"
    a_step = SMOKE["1.2B"].shape.flops_per_sample * 4
    assert found["mfu"] == pytest.approx(a_step / 989.4e12)


def test_only_rows_that_were_measured_on_this_machine_are_kept(tmp_path: Path) -> None:
    results = {"a": figures(1.0), "b": {"skipped": "the time was up"}}
    report.write(tmp_path, results, SMOKE, smoke=True)
    assert set(report.load(tmp_path / "gpu.json")) == {"a"}
    document = json.loads((tmp_path / "gpu.json").read_text())
    (tmp_path / "gpu.json").write_text(json.dumps({**document, "machine": {"device": "another"}}))
    assert report.load(tmp_path / "gpu.json") == {}


def test_a_row_says_which_package_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    wanted = {found.name: found.missing for found in ROWS}
    assert wanted[row(mode="float8").name] == ["torchao"]
    assert wanted[row(mode="compiled").name] == []
    assert len(wanted) == len(ROWS), "no row twice"


def test_without_a_gpu_it_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match=r"device: got 'cpu', but these shapes are measured on a GPU"):
        settings(smoke=False)

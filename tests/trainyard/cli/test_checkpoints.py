"""`trainyard checkpoints` as an operator types it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from trainyard.cli import main
from trainyard.cli.checkpoints import size

sys.path.insert(0, str(Path(__file__).parents[1] / "operations"))
from saved import damage, save

Patch, Capture = pytest.MonkeyPatch, pytest.CaptureFixture[str]


def trainyard(patch: Patch, capture: Capture, *arguments: str) -> tuple[str, str, int]:
    """Output, what went wrong, status."""
    patch.setattr(sys, "argv", ["trainyard", "checkpoints", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capture.readouterr()
    return out, err.strip(), ended.value.code or 0


def steps(folder: Path) -> list[int]:
    return sorted(int(path.parents[1].name[5:]) for path in folder.rglob("COMMIT.json"))


def test_a_listing(monkeypatch: Patch, capsys: Capture, tmp_path: Path) -> None:
    save(tmp_path, 100, loss=2.5)
    save(tmp_path, 200, commit=False)
    out, _, status = trainyard(monkeypatch, capsys, "list", f"file://{tmp_path}")
    head, newer, older = out.splitlines()
    assert status == 0
    assert head.split() == ["step", "when", "ranks", "size", "status", "run", "loss", "attempt"]
    assert newer.startswith("200 ")
    assert " incomplete " in newer
    assert older.startswith("100 ")
    assert " committed " in older
    assert " 2.5000 " in older


def test_a_listing_for_programs(monkeypatch: Patch, capsys: Capture, tmp_path: Path) -> None:
    save(tmp_path, 100, loss=2.5)
    out, _, _ = trainyard(monkeypatch, capsys, "list", f"file://{tmp_path}", "--json")
    (told,) = json.loads(out)
    assert (told["step"], told["status"], told["figures"]) == (100, "committed", {"loss": 2.5})


def test_sound_ones_are_status_0(monkeypatch: Patch, capsys: Capture, tmp_path: Path) -> None:
    save(tmp_path, 1)
    out, err, status = trainyard(monkeypatch, capsys, "verify", f"file://{tmp_path}", "--step", "1")
    assert (err, status) == ("", 0)
    assert [line.split()[0] for line in out.splitlines() if line.endswith("sound")] == [
        "1",
        "__0_0.distcp",
        ".metadata",
    ]


@pytest.mark.parametrize("more", [(), ("--json",), ("--step", "2")])
def test_a_damaged_one_is_status_1(monkeypatch: Patch, capsys: Capture, tmp_path: Path, more: tuple[str, ...]) -> None:
    save(tmp_path, 1)
    damage(save(tmp_path, 2))
    out, err, status = trainyard(monkeypatch, capsys, "verify", f"file://{tmp_path}", *more)
    assert status == 1
    assert len(err.splitlines()) == 1
    assert "checkpoints are damaged, the newest of step 2: __0_0.distcp has checksum" in err
    if more == ("--json",):
        assert [bool(told["findings"]) for told in json.loads(out)] == [True, False]


def test_pruning_asks(monkeypatch: Patch, capsys: Capture, tmp_path: Path) -> None:
    """Guards checkpoints from a slip of the fingers."""
    for step in (1, 2, 3):
        save(tmp_path, step)
    order = ("prune", f"file://{tmp_path}", "--keep-last", "2")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    out, _, status = trainyard(monkeypatch, capsys, *order)
    assert (status, steps(tmp_path)) == (130, [1, 2, 3])
    assert "remove 1 attempts" in out
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    out, _, status = trainyard(monkeypatch, capsys, *order)
    assert (status, steps(tmp_path)) == (0, [2, 3])
    assert "removed 1 attempts" in out
    out, _, _ = trainyard(monkeypatch, capsys, *order)
    assert out == "nothing to remove: 2 checkpoints stay\n"


def test_pruning_without_a_terminal_wants_yes(monkeypatch: Patch, capsys: Capture, tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save(tmp_path, step, loss=float(step))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    order = ("prune", f"file://{tmp_path}", "--keep-last", "2")
    _, err, status = trainyard(monkeypatch, capsys, *order)
    assert (status, steps(tmp_path)) == (1, [1, 2, 3])
    assert "Give --yes" in err
    out, _, _ = trainyard(monkeypatch, capsys, *order, "--json")
    assert [told["step"] for told in json.loads(out)["removed"]] == [1]
    assert steps(tmp_path) == [1, 2, 3]
    out, _, _ = trainyard(monkeypatch, capsys, *order, "--keep-best", "1", "--yes")
    assert "nothing to remove" in out
    trainyard(monkeypatch, capsys, *order, "--yes")
    assert steps(tmp_path) == [2, 3]


def test_fewer_than_two_are_refused(monkeypatch: Patch, capsys: Capture, tmp_path: Path) -> None:
    _, err, status = trainyard(monkeypatch, capsys, "prune", f"file://{tmp_path}", "--keep-last", "1", "--yes")
    assert status == 1
    assert "keep_last: got 1, but it must be at least 2" in err


def test_nothing_there(monkeypatch: Patch, capsys: Capture, tmp_path: Path) -> None:
    out, _, status = trainyard(monkeypatch, capsys, "list", f"file://{tmp_path}")
    assert (out, status) == (f"file://{tmp_path} holds no checkpoint\n", 0)
    _, err, status = trainyard(monkeypatch, capsys, "list", f"file://{tmp_path}/nowhere")
    assert (err, status) == (f"trainyard: file://{tmp_path}/nowhere: there is no such folder", 1)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**40, "1.0 TiB"), (3 * 2**50, "3072.0 TiB")]
)
def test_sizes_are_readable(count: int, text: str) -> None:
    assert size(count) == text

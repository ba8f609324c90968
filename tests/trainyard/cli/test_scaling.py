"""`trainyard scaling simulate` on a cloud assembly: the day, its price, its files; and what is refused."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.trainyard.scaling import documents as of
from trainyard import cli


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """One stack with one target that follows a schedule."""
    actions = [
        of.action(f"cron(0 {hour} * * ? *)", low=count, high=count, ScheduledActionName=f"At{hour}")
        for hour, count in ((0, 10), (6, 2), (18, 1))
    ]
    target = {"Type": "AWS::ApplicationAutoScaling::ScalableTarget",
              "Properties": of.target(ScheduledActions=actions)}  # fmt: skip
    policy = {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
              "Properties": of.tracking() | {"ScalingTargetId": {"Ref": "Target"}}}  # fmt: skip
    folder = tmp_path / "cdk.out"
    folder.mkdir()
    (folder / "s.template.json").write_text(json.dumps({"Resources": {"Target": target, "Policy": policy}}))
    stack = {"type": "aws:cloudformation:stack", "properties": {"templateFile": "s.template.json"}}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"Prod-Serving": stack}}))
    return folder


def _run(monkeypatch: pytest.MonkeyPatch, capsys: Any, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["trainyard", "scaling", "simulate", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def test_the_day_of_the_cost_table_comes_out(
    assembly: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """62 % saved, and a row a minute."""
    minutes = tmp_path / "out" / "day.csv"
    options = ("--assembly", str(assembly), "--price", "0.828", "--csv", str(minutes))
    status, said = _run(monkeypatch, capsys, *options)
    assert status == 0
    assert "simulated: 90.00 instance-hours, cost 74.52, 62% saved" in said
    assert "always on: 240.00 instance-hours, cost 198.72" in said
    rows = list(csv.DictReader(minutes.open()))
    assert [rows[minute]["instances"] for minute in (0, 359, 360, 1079, 1080, 1439)] == ["10", "10", "2", "2", "1", "1"]


def test_a_bad_trace_is_one_line(assembly: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """File and row, and no traceback."""
    trace = tmp_path / "trace.csv"
    trace.write_text("time,requests\n2026-11-21T08:00,-5\n")
    status, said = _run(monkeypatch, capsys, "--assembly", str(assembly), "--trace", str(trace))
    assert status != 0
    assert "trace.csv:2.requests: got -5.0" in said
    assert len(said.strip().splitlines()) == 1


def test_a_source_of_policies_is_needed(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """An endpoint or an assembly."""
    assert "either an endpoint or --assembly" in _run(monkeypatch, capsys)[1]

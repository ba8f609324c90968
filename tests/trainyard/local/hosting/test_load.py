"""Load on a real endpoint, as `trainyard load` brings it: signed requests, and the batches that the server formed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.trainyard.local.hosting.conftest import Maker, request
from trainyard import cli
from trainyard.local.cloud import Cloud

pytestmark = pytest.mark.slow


def _run(monkeypatch: pytest.MonkeyPatch, cloud: Cloud, *arguments: str) -> int:
    place = ["--local", "--port", str(cloud.port), "--state", str(cloud.state)]
    monkeypatch.setattr(sys, "argv", ["trainyard", *place, *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_a_sweep_counts_answers_and_batches(
    make: Maker, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    """Every request is answered; what the model refuses has its kind; a named input reaches a named variant."""
    name = make.endpoint(make.config(make.model()))
    body, output = tmp_path / "body.json", tmp_path / "load.json"
    body.write_bytes(request(1, 2, 3))
    sweep = ("load", name, "--body", str(body), "--duration", "1s", "--concurrency")
    assert _run(monkeypatch, cloud, *sweep, "8", "-o", str(output), "--html", str(tmp_path / "load.html")) == 0
    (level,) = json.loads(output.read_text())["levels"]
    assert level["troubles"] == {}
    assert level["answers"] > 10
    assert 1 <= level["batch"] <= 8
    assert (tmp_path / "load.html").read_text().count('class="plot"') == 2

    body.write_text('{"inputs": [{"name": "tokens", "datatype": "INT64", "shape": [1, 3], "data": [1]}]}')
    assert _run(monkeypatch, cloud, *sweep, "1") == 1
    assert "424 ModelError" in capsys.readouterr().out

    tokens = tmp_path / "tokens.json"
    tokens.write_text("[[1, 2]]")
    assert _run(monkeypatch, cloud, "invoke", name, "-i", f"tokens={tokens}", "--variant", "variant-1") == 0
    assert '"data":[1.0,2.0,3.0,4.0,2.0,4.0,6.0,8.0]' in capsys.readouterr().out
    # Others count the processes of the cloud that all share.
    make.delete(name)

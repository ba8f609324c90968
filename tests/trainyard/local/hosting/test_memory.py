"""A container that takes more memory than it has is ended and started again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainyard.local.hosting import memory, replica
from trainyard.local.hosting.exchange import Question
from trainyard.local.hosting.replica import Replica

from .conftest import stand_in_blueprint


def test_what_processes_share_counts_once() -> None:
    mine = memory.resident([os.getpid()])
    assert 10 * memory.MIB < mine < 1 << 33
    assert memory.resident([os.getpid(), 2**22 + 1]) == pytest.approx(mine, rel=0.2)


@pytest.mark.parametrize(("instance", "gib"), [("ml.c5.large", 4), ("ml.g5.xlarge", 16)])
def test_instances_have_their_memory(instance: str, gib: int) -> None:
    assert memory.of_instance(instance) == gib << 30
    assert memory.shared(memory.of_instance(instance)) == gib << 29


@pytest.mark.slow
def test_a_container_is_held_to_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "_WATCH_SECONDS", 0.1)
    blueprint = replace(stand_in_blueprint(tmp_path), memory=100 * memory.MIB)
    reasons: list[str] = []
    found = Replica(
        "test", blueprint, tmp_path / "root", start_seconds=20, line=lambda _: None,
        changed=lambda: reasons.append(found.reason),
    )  # fmt: skip
    try:
        _until(lambda: found.state == "healthy")
        serving = found.serving
        assert serving
        body = json.dumps({"data": [1], "id": "allocate 200"}).encode()
        # It may be ended before it answers.
        assert serving.ask(Question(body=body, headers={}, seconds=20)).status in (200, 500)
        _until(lambda: found.restarts == 1 and found.state == "healthy")
        assert any("MiB of memory, but it has 100 MiB; restart 1" in reason for reason in reasons)
    finally:
        found.stop(graceful=False)
        assert found.join(20)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)

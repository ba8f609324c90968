"""Runs code beside the emulator, in the environment that holds it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainyard.local.cloud import ROOT

_SETTINGS = """
import json
from pathlib import Path
from trainyard.local.server import _configure, _parse
_configure(_parse(["--state", {state!r}, "--port", "4600"]))
"""


def run_beside(folder: Path, code: str) -> Any:
    """Runs code with the emulator's settings in place, no server, and returns the JSON it prints in its last line."""
    python = ROOT / ".trainyard" / "envs" / "cloud" / "bin" / "python"
    ran = subprocess.run(
        [python, "-c", _SETTINGS.format(state=str(folder)) + code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture
def beside_the_emulator(tmp_path: Path) -> Callable[[str], Any]:
    """`run_beside` for one test."""
    return lambda code: run_beside(tmp_path, code)

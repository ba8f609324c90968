"""Every test of the .bats files, each of them a test here: bats runs a file once."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import cluster_machines
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BATS = ROOT / "node_modules" / "bats" / "bin" / "bats"
TITLE = re.compile(r'^@test "(.+)" \{$', re.MULTILINE)
pytestmark = pytest.mark.timeout(900)
GATE = "runner.bats"
"""It says the least that must hold, and is the gate of a commit."""


def obstacle() -> str:
    return cluster_machines.obstacle() or ("" if BATS.exists() else "bats is not installed: npm ci")


def titles() -> list[object]:
    return [
        pytest.param(
            file.name, title, id=f"{file.stem}: {title}", marks=[] if file.name == GATE else [pytest.mark.slow]
        )
        for file in sorted(HERE.glob("*.bats"))
        for title in TITLE.findall(file.read_text())
    ]


@pytest.fixture(scope="module")
def results(machine_folder: Path) -> Callable[[str, str], str]:
    """Runs a file when its first result is asked for."""
    if reason := obstacle():
        pytest.skip(reason)
    found: dict[str, dict[str, str]] = {}

    def result(file: str, title: str) -> str:
        if file not in found:
            found[file] = run(file, machine_folder)
        return found[file].get(title, "bats did not come to it: " + found[file][""])

    return result


def run(file: str, folder: Path) -> dict[str, str]:
    """The complaints of each test by its title: empty where it passed. The whole output is under no title."""
    output = subprocess.run(
        [str(BATS), "--formatter", "tap", str(HERE / file)],
        env=cluster_machines.environment(folder), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=800,
    ).stdout  # fmt: skip
    found, title = {"": output}, ""
    for line in output.splitlines():
        if match := re.match(r"(not )?ok \d+ (.+?)( in \d+m?sec)?$", line):
            title = match[2]
            found[title] = "failed\n" if match[1] else ""
        elif title:
            found[title] += line + "\n" if found[title] else ""
    return found


@pytest.mark.parametrize(("file", "title"), titles())
def test_script(results: Callable[[str, str], str], file: str, title: str) -> None:
    complaint = results(file, title)
    assert not complaint, complaint

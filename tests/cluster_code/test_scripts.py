"""Every test of the .bats files, each of them a test here: bats runs a file once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cluster_documents
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BATS = ROOT / "node_modules" / "bats" / "bin" / "bats"
TITLE = re.compile(r'^@test "(.+)" \{$', re.MULTILINE)
GATE = "runner.bats"
"""It says the least that must hold, and is the gate of a commit."""


def obstacle() -> str:
    if os.geteuid() != 0:
        return "a mount namespace with an overlay needs root"
    if not BATS.exists():
        return "bats is not installed: npm ci"
    if shutil.which("unshare") is None:
        return "the command unshare (package util-linux) is missing"
    return ""


def titles() -> list[object]:
    return [
        pytest.param(
            file.name, title, id=f"{file.stem}: {title}", marks=[] if file.name == GATE else [pytest.mark.slow]
        )
        for file in sorted(HERE.glob("*.bats"))
        for title in TITLE.findall(file.read_text())
    ]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory):
    """Runs a file when its first result is asked for."""
    if reason := obstacle():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("documents")
    cluster_documents.write(folder)
    found: dict[str, dict[str, str]] = {}

    def result(file: str, title: str) -> str:
        if file not in found:
            found[file] = run(file, folder)
        return found[file].get(title, "bats did not come to it: " + found[file][""])

    return result


def run(file: str, folder: Path) -> dict[str, str]:
    """The complaints of each test by its title: empty where it passed. The whole output is under no title."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/root",
        "TMPDIR": str(folder),
        "DOCUMENTS": str(folder),
        "LIFECYCLE_SOURCE": str(ROOT / "cluster_code" / "lifecycle"),
        "PYTHON": str(Path(sys.executable).resolve()),
    }
    output = subprocess.run(
        [str(BATS), "--formatter", "tap", str(HERE / file)],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=200,
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
def test_script(results, file: str, title: str) -> None:
    complaint = results(file, title)
    assert not complaint, complaint

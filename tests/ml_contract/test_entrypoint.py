"""The command of a container, as a shell runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from ml_contract.entrypoint import entrypoint

TOOLS = ("bash", "gzip", "mkdir", "tar")


@pytest.mark.parametrize(("there", "taken"), [(("python3",), "python3"), (("python", "python3"), "python")])
def test_it_takes_the_python_that_the_image_has(tmp_path: Path, there: tuple[str, ...], taken: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (programs / tool).symlink_to(found)
    for name in there:
        (programs / name).write_text(f'#!/bin/sh\necho {name}\nexec {sys.executable} -S "$@"\n')
        (programs / name).chmod(0o755)
    (tmp_path / "input").mkdir()
    (tmp_path / "hello.py").write_text("print('hello')\n")
    with tarfile.open(tmp_path / "input" / "code.tgz", "w:gz") as archive:
        archive.add(tmp_path / "hello.py", "hello.py")
    command = [str(programs / "bash"), *entrypoint("hello", archive_folder="input")[1:]]
    environment = {"PATH": str(programs), "SAGEMAKER_BASE_DIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout.split()) == (0, [taken, "hello"]), done.stderr

"""Where the machines of these tests lie."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cluster_machines
import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def machine_folder() -> Iterator[Path]:
    """Machines of each type, in memory: what a step makes sure to be on the disk costs nothing there."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as name:
        cluster_machines.write(Path(name))
        yield Path(name)

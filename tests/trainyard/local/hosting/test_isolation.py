"""A model server that shares the machine's network, as without root: on loopback alone, and gone with its cloud."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from trainyard.local.hosting.container import Blueprint
from trainyard.local.hosting.exchange import Question
from trainyard.local.hosting.replica import Replica
from trainyard.local.images import local_image
from trainyard.local.jobs.hosts import Isolation
from trainyard.local.namespaces.network import available

from .conftest import IMAGE, request, write_archive

ENVIRONMENTS = Path(__file__).parents[4] / ".trainyard" / "envs"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("isolation", ["processes", "namespaces"])
def test_it_listens_on_loopback_only(tmp_path: Path, isolation: Isolation) -> None:
    if isolation == "namespaces" and available():
        pytest.skip(available())
    image = local_image(IMAGE, ENVIRONMENTS, "Image")
    blueprint = Blueprint(
        archive=write_archive(tmp_path / "archive"),
        environment=image.folder,
        variables=image.variables,
        derived=tmp_path / "derived",
        endpoint_url="http://127.0.0.1:9",
        isolation=isolation,
    )
    lines: list[str] = []
    replica = Replica("test", blueprint, tmp_path / "root", start_seconds=60, line=lines.append, changed=lambda: None)
    try:
        while replica.state == "starting":
            time.sleep(0.05)
        assert replica.state == "healthy", (replica.reason, lines)
        serving = replica.serving
        assert serving is not None
        answer = serving.ask(Question(body=request(1), headers={}, seconds=10))
        assert answer.status == 200
        sockets = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
        mine = [row for row in sockets.splitlines() if f"pid={_pid(tmp_path)}," in row]
        addresses = {row.split()[3].rpartition(":")[0] for row in mine}
        # In a namespace of its own nothing of it is seen from here at all.
        assert addresses == ({"127.0.0.1"} if isolation == "processes" else set())
    finally:
        replica.stop()
        assert replica.join(30)
    assert not (tmp_path / "root").exists()
    assert _pid(tmp_path) is None


def _pid(folder: Path) -> int | None:
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else [""]
        except OSError:
            continue
        if Path(words[0]).name == "tritonserver" and any(str(folder) in word for word in words):
            return int(entry.name)
    return None

"""A real Prometheus, promtool and node_exporter from the packages of this machine's distribution, in a folder.

``python tests/prometheus_programs.py FOLDER`` (``make prometheus``) fetches them, 23 MB.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from trainyard.local.clusters.slurm_packages import unpack

PACKAGES = ("prometheus", "prometheus-node-exporter")


def programs() -> Path:
    """Folder of the programs; TRAINYARD_PROMETHEUS names another one."""
    named = os.environ.get("TRAINYARD_PROMETHEUS")
    return (Path(named) if named else Path(__file__).parents[1] / ".trainyard" / "prometheus" / "layer") / "usr/bin"


def missing() -> str:
    """Why there are none; empty when there are."""
    if (programs() / "promtool").exists():
        return ""
    return f"there is no Prometheus in {programs()}: run `make prometheus`"


if __name__ == "__main__":
    try:
        print(unpack(Path(sys.argv[1]), PACKAGES), end="")
        # Pages of Prometheus' own and what they are made of: 200 MB that nothing here looks at.
        shutil.rmtree(Path(sys.argv[1]) / "layer" / "usr" / "share")
    except OSError as error:
        sys.exit(f"prometheus: {error}")

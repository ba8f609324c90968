"""A real Prometheus, promtool, node_exporter and alertmanager from the packages of this machine's distribution.

``python tests/prometheus_programs.py FOLDER`` (``make prometheus``) fetches them into a folder, 36 MB.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from trainyard.local.clusters.slurm_packages import unpack

PACKAGES = ("prometheus", "prometheus-node-exporter", "prometheus-alertmanager")


def programs() -> Path:
    """Folder of the programs; TRAINYARD_PROMETHEUS names another one."""
    named = os.environ.get("TRAINYARD_PROMETHEUS")
    return (Path(named) if named else Path(__file__).parents[1] / ".trainyard" / "prometheus" / "layer") / "usr/bin"


def alertmanager() -> list[str]:
    """How it is started: Debian's looks for its templates in /usr/share of the machine, and nowhere else."""
    mounted = 'mount --bind "$0" /usr/share && exec "$@"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, str(programs().parent / "share"),
            str(programs() / "prometheus-alertmanager")]  # fmt: skip


def missing(program: str = "promtool") -> str:
    """Why there is none; empty when there is."""
    if (programs() / program).exists():
        return ""
    return f"there is no {program} in {programs()}: run `make prometheus`"


if __name__ == "__main__":
    try:
        print(unpack(Path(sys.argv[1]), PACKAGES), end="")
        share = Path(sys.argv[1]) / "layer" / "usr" / "share"
        for folder in (*share.iterdir(), *(share / "prometheus").iterdir()):
            # Pages of Prometheus' own and what they are made of: 200 MB that nothing here looks at.
            if folder.is_dir() and folder.name not in ("prometheus", "alertmanager"):
                shutil.rmtree(folder)
    except OSError as error:
        sys.exit(f"prometheus: {error}")

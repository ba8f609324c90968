"""Counters of adapters as a file for node_exporter."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cluster_code import LIFECYCLE
from constructs_lib.observability.exporters import EFA

PROGRAM = LIFECYCLE / "files" / "efa_figures.sh"


def figures(tmp_path: Path, **counters: str) -> str:
    for device in ("rdmap0s1", "rdmap1s1"):
        folder = tmp_path / f"class/infiniband/{device}/ports/1/hw_counters"
        folder.mkdir(parents=True)
        for name, value in counters.items():
            (folder / name).write_text(f"{value}\n")
    file = tmp_path / "efa.prom"
    # dash is as near to busybox' shell as there is here.
    subprocess.run(["dash", str(PROGRAM), str(file)], env={"SYSFS": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True)
    assert file.stat().st_mode & 0o777 == 0o644
    return file.read_text()


def test_a_counter_is_a_series_for_each_adapter(tmp_path: Path) -> None:
    assert figures(tmp_path, rx_bytes="12", rx_bytes_total="13", lifespan="12") == (
        "# TYPE node_amazonefa_rx_bytes_total counter\n"
        'node_amazonefa_rx_bytes_total{device="rdmap0s1",port="1"} 13\n'
        'node_amazonefa_rx_bytes_total{device="rdmap1s1",port="1"} 13\n'
        "# TYPE node_amazonefa_rx_bytes counter\n"
        'node_amazonefa_rx_bytes{device="rdmap0s1",port="1"} 12\n'
        'node_amazonefa_rx_bytes{device="rdmap1s1",port="1"} 12\n'
    )


def test_pages_ask_for_counters_by_their_own_names(tmp_path: Path) -> None:
    counters = {name.removeprefix("node_amazonefa_"): "1" for name in EFA.metrics}
    found = {line.split("{")[0] for line in figures(tmp_path, **counters).splitlines() if line[0] != "#"}
    assert found == EFA.metrics


def test_a_node_without_adapters_has_an_empty_file(tmp_path: Path) -> None:
    file = tmp_path / "efa.prom"
    subprocess.run(["dash", str(PROGRAM), str(file)], env={"SYSFS": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True)
    assert file.read_text() == ""

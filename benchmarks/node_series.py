"""Series of one node: what its exporters give, and what is sent to Prometheus and paid for.

A real node_exporter reads a copy of this machine's /proc that has as many processors as the row says; adapters and GPUs
are played by their names. What is let through is decided by the rules of the published configuration, as Prometheus
applies them; tests/constructs_lib/observability/test_fed.py holds the same against a real agent. Needs ``make
prometheus``.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.results import publish
from constructs_lib.observability.agents import agent_configuration
from constructs_lib.observability.exporters import EFA, GPU, SLURM
from ml_contract.clusters.nodes import NodeType
from ml_contract.metrics import METRICS
from ml_contract.prometheus import file_name, text
from trainyard.cost.prices import Prices

NODE_EXPORTER = Path(".trainyard/prometheus/layer/usr/bin/prometheus-node-exporter")
COPIED = ("loadavg", "meminfo", "diskstats", "vmstat", "schedstat", "net/dev", "net/softnet_stat", "net/netstat",
          "net/snmp", "net/snmp6", "net/sockstat", "net/arp", "pressure", "sys/fs/file-nr", "1/mounts", "1/mountinfo",
          "mounts", "stat", "uptime", "version")  # fmt: skip
HARDWARE_COUNTERS = 22
"""Of an adapter of Nitro 4 and later. Source: "Monitor an Elastic Fabric Adapter on Amazon EC2", read 2026-11-22."""
NODES = (("ml.c5.xlarge, controller", 4, 0, 0), ("ml.g5.12xlarge", 48, 4, 1), ("ml.p5.48xlarge", 192, 8, 32))
"""What it is, processors, GPUs, adapters."""
SAMPLES_A_MONTH = 30 * 24 * 3600 // 30
"""Of one series, one every 30 seconds."""
_SERIES = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? \S+$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def played(folder: Path, processors: int) -> Path:
    """A copy of /proc of so many processors."""
    root = folder / "proc"
    for name in COPIED:
        here, there = Path("/proc") / name, root / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            there.mkdir()
            for file in here.iterdir():
                (there / file.name).write_bytes(file.read_bytes())
        elif here.exists():
            there.write_bytes(here.read_bytes())
    (root / "self").symlink_to("1")
    rows = [row for row in (root / "stat").read_text().splitlines() if not re.match(r"cpu\d", row)]
    every = [f"cpu{number} 1 1 1 1 1 1 1 1 0 0" for number in range(processors)]
    (root / "stat").write_text("\n".join([rows[0], *every, *rows[1:]]) + "\n")
    softnet = (root / "net/softnet_stat").read_text().splitlines()[0]
    (root / "net/softnet_stat").write_text(f"{softnet}\n" * processors)
    version = "version 15\ntimestamp 1\n"
    schedule = "".join(f"cpu{number} 0 0 0 0 0 0 1 1 1\n" for number in range(processors))
    (root / "schedstat").write_text(version + schedule)
    return root


def files(folder: Path, adapters: int, *, slurm: bool) -> Path:
    """What the node's programs write for node_exporter."""
    figures = folder / "metrics"
    figures.mkdir()
    names = sorted(EFA.metrics) + [f"node_amazonefa_other_{number}" for number in range(HARDWARE_COUNTERS)]
    names = names[:HARDWARE_COUNTERS]
    rows = [f'{name}{{device="rdmap{adapter}s0",port="1"}} 1' for name in names for adapter in range(adapters)]
    if slurm:
        # One partition, one reason.
        (figures / "slurm.prom").write_text("".join(f'{name}{{partition="p"}} 1\n' for name in sorted(SLURM.metrics)))
    else:
        (figures / "efa.prom").write_text("".join(f"{row}\n" for row in rows))
        (figures / file_name("run")).write_text(text("run", 1, {metric.name: 1.0 for metric in METRICS}))
    return figures


@contextmanager
def node_exporter(folder: Path, processors: int, adapters: int, *, slurm: bool) -> Iterator[str]:
    """The text that it serves."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [str(NODE_EXPORTER), f"--web.listen-address={address}", f"--path.procfs={played(folder, processors)}",
               f"--collector.textfile.directory={files(folder, adapters, slurm=slurm)}"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as program:
        try:
            yield _get(f"http://{address}/metrics")
        finally:
            program.terminate()


def _get(address: str) -> str:
    for _ in range(100):
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError:
            time.sleep(0.05)
    raise TimeoutError(address)


def series(exposed: str) -> list[dict[str, str]]:
    """Labels of each series of a text, its name among them."""
    return [{"__name__": name, **dict(_LABEL.findall(labels))} for name, labels in _SERIES.findall(exposed)]


def gpus(count: int) -> list[dict[str, str]]:
    """Series of dcgm-exporter, which is told what to give."""
    return [{"__name__": name, "gpu": str(gpu)} for name in sorted(GPU.metrics) for gpu in range(count)]


def kept(found: Iterable[dict[str, str]], rules: Iterable[dict[str, Any]]) -> list[dict[str, str]]:
    """What relabelling rules of Prometheus let through."""
    left = list(found)
    for rule in rules:
        pattern, labels, keeps = re.compile(rule["regex"]), rule["source_labels"], rule["action"] == "keep"
        left = [one for one in left if keeps == bool(pattern.fullmatch(";".join(one.get(name, "") for name in labels)))]
    return left


def main() -> int:
    """A row a kind of node."""
    if not NODE_EXPORTER.exists():
        sys.exit(f"there is no {NODE_EXPORTER}: run `make prometheus`")
    price = Prices.load("us-east-1").item("prometheus/10-million-samples").amount / 10_000_000
    rows = []
    for name, processors, devices, adapters in NODES:
        kind: NodeType = "compute" if devices else "controller"
        folder = Path(tempfile.mkdtemp(prefix="trainyard-series-"))
        try:
            with node_exporter(folder, processors, adapters, slurm=not devices) as exposed:
                given = {"node": series(exposed), "dcgm": gpus(devices)}
        finally:
            shutil.rmtree(folder)
        jobs = agent_configuration(kind, cluster="c", endpoint="https://e/", region="r")["scrape_configs"]
        # Of each target Prometheus adds `up`, and four figures of the scrape.
        before = sum(len(given[job["job_name"]]) + 5 for job in jobs)
        after = sum(len(kept(given[job["job_name"]], job["metric_relabel_configs"])) + 1 for job in jobs)
        rows.append({
            "node": name, "processors": processors, "GPUs": devices, "adapters": adapters,
            "series of its exporters": before, "series that are sent": after,
            "USD a month before": before * SAMPLES_A_MONTH * price, "USD a month": after * SAMPLES_A_MONTH * price,
        })  # fmt: skip
    notes = "A sample of each series every 30 s; prices of us-east-1 by the table of `trainyard cost`."
    print(publish("node-series", rows, notes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
